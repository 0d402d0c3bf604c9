import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isSystemError } from '../files/data-folder'
import { runtimeFolderName } from '../service/paths'
import type { Runtime } from './runtime'

/**
 * How often the service has failed in a row. systemd restarts it after a constant pause (before version 254, that of Debian 12
 * included), so a server that can't work waits before it ends, longer each time.
 */
export interface StartAttempts {
  /** The server has become ready. */
  ready(): void
  /** Returns the milliseconds to wait before the process ends after a failure. */
  failed(): number
  /** The server was stopped, or is to be started again now. */
  reset(): void
}

/** Milliseconds that a server has to work so that its failure is not one more of those before it. */
const steadyPeriod = 60_000

const shortestPause = 2_000
const longestPause = 5 * 60_000

/**
 * Counts in the folder that the unit of `service install` creates for it. The folder lasts as long as systemd restarts the
 * service, and is removed when the service is stopped. Returns null without such a folder.
 */
export function findStartAttempts({
  monotonicClock,
}: Pick<Runtime, 'monotonicClock'>): StartAttempts | null {
  const folder = (process.env['RUNTIME_DIRECTORY'] ?? '')
    .split(':')
    .find((path) => basename(path) === runtimeFolderName)
  if (folder === undefined) return null
  const file = join(folder, 'failures')
  let readyAt: number | null = null
  return {
    ready() {
      readyAt = monotonicClock()
    },
    failed() {
      const wasSteady = readyAt !== null && monotonicClock() - readyAt >= steadyPeriod
      const failures = wasSteady ? 0 : readCount(file)
      ignoringFaults(() => writeFileSync(file, String(failures + 1)))
      // The first failure ends the process at once: someone may wait for `systemctl start`.
      return failures === 0 ? 0 : Math.min(shortestPause * 2 ** (failures - 1), longestPause)
    },
    reset() {
      readyAt = null
      ignoringFaults(() => rmSync(file, { force: true }))
    },
  }
}

function readCount(file: string): number {
  let text = ''
  ignoringFaults(() => {
    text = readFileSync(file, 'utf8')
  })
  return /^\d{1,6}$/.test(text) ? Number(text) : 0
}

/** Without the file every failure is like the first one. */
function ignoringFaults(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!isSystemError(error)) throw error
  }
}
