import { type Backups, backupProblem } from './backups'
import { DomainError, errorMessageWithCauses } from './errors'
import type { Clock } from './runtime'
import type { Store } from './store'

/** Whether requests can be served at present. */
export interface Readiness {
  /** Why not is for operators. Warnings stop no request, but somebody should look. */
  check(): Promise<{ readonly problem: string | null; readonly warnings: readonly Warning[] }>
}

export interface Warning {
  readonly kind: 'low_space' | 'failed_backup' | 'stale_backup'
  /** For operators. */
  readonly detail: string
}

type ReadinessReport = Awaited<ReturnType<Readiness['check']>>

/** How long an answer holds, in milliseconds: whoever asks a thousand times a second asks the database once. */
const cacheDuration = 1_000

export function createReadiness(deps: {
  store: Pick<Store, 'check' | 'isShortOfSpace'>
  /** Null where no server looks after archives. */
  backups: Pick<Backups, 'state'> | null
  clock: Clock
}): Readiness {
  let cached: { at: number; answer: Promise<ReadinessReport> } | null = null
  return {
    check() {
      const now = deps.clock()
      // A clock that was set back must not keep an old answer for good.
      const age = cached === null ? Number.NaN : now - cached.at
      if (cached === null || !(age >= 0 && age < cacheDuration))
        cached = { at: now, answer: checkReadiness(deps) }
      return cached.answer
    },
  }
}

async function checkReadiness({ store, backups, clock }: Parameters<typeof createReadiness>[0]) {
  try {
    await store.check()
    const warnings: Warning[] = []
    if (store.isShortOfSpace()) {
      warnings.push({ kind: 'low_space', detail: 'writes are refused: the disk is nearly full' })
    }
    const warning = backups === null ? null : await backupWarning(backups, clock())
    if (warning !== null) warnings.push(warning)
    return { problem: null, warnings }
  } catch (error) {
    if (error instanceof DomainError)
      return { problem: errorMessageWithCauses(error), warnings: [] }
    throw error
  }
}

async function backupWarning(
  backups: Pick<Backups, 'state'>,
  now: number,
): Promise<Warning | null> {
  const state = await backups.state()
  switch (backupProblem(state, now)) {
    case 'failed':
      return { kind: 'failed_backup', detail: `the last archive failed: ${state.failure?.reason}` }
    case 'stale':
      return {
        kind: 'stale_backup',
        detail: `no archive was proven since ${lastBackupTime(state)}`,
      }
    case null:
      return null
  }
}

function lastBackupTime({ verified, since }: Awaited<ReturnType<Backups['state']>>): string {
  return new Date(verified?.time ?? since).toISOString()
}
