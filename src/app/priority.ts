import { getPriority, setPriority } from 'node:os'

/**
 * Lets a process yield to others at least as much as `priority` says, if the system permits that: work does not fail because it can't
 * be slower. A process that yields more already stays as it is.
 */
export function lowerPriority(pid: number, priority: number): void {
  try {
    if (getPriority(pid) < priority) setPriority(pid, priority)
  } catch {
    // It has ended, or the system has no priorities.
  }
}
