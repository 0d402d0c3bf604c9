import { type Loop, startLoop } from '../../background'
import type { Settings } from '../../config/settings'
import { type BackupFolderReport, findDailyBackupProblem } from '../../domain/backup-folder'
import { lastDue } from '../../domain/backup-schedule'
import type { Backups } from '../../domain/backups'
import { DomainError, errorMessage } from '../../domain/errors'
import { randomFraction } from '../../domain/runtime'
import type { Log } from '../../log'
import type { Runtime } from '../runtime'

/** Creates and verifies a backup. Throws when that fails, and soon after the signal aborts. */
export type RunBackup = (signal: AbortSignal) => Promise<unknown>

/** Milliseconds from the start of the server to its first check, and between two checks. */
const initialDelay = 30_000
const pollInterval = 60_000

/** Milliseconds between two log lines about missing backups. */
const staleLogInterval = 24 * 60 * 60_000

/**
 * Has one of the servers of a database create a backup every day. A missed backup is created later. Failed
 * backups, and backups that are missing for too long, are logged at error.
 */
export function startBackupSchedule(deps: {
  backups: Backups
  /** Returns what is known of the backup folder; null for nothing. */
  folder?: () => BackupFolderReport | null
  run: RunBackup
  schedule: NonNullable<Settings['backupSchedule']>
  runtime: Runtime
  log: Log
}): Loop {
  const { backups, folder = () => null, run, schedule, runtime, log } = deps
  const { clock, monotonicClock, random, wait } = runtime
  const jitterFraction = randomFraction(random)
  let lastLogged = Number.NEGATIVE_INFINITY

  const attempt = async (signal: AbortSignal): Promise<void> => {
    try {
      await run(signal)
    } catch (error) {
      // The stop cancelled it, which is no failure: another server may try.
      if (signal.aborted) return
      const reason = errorMessage(error)
      log.error('the backup failed', error instanceof DomainError ? undefined : error, { reason })
      await backups.recordFailure(reason)
    }
  }

  const logMissing = async (): Promise<void> => {
    const state = await backups.state()
    if (findDailyBackupProblem(state, folder(), clock()) !== 'stale') return
    const now = monotonicClock()
    if (now - lastLogged < staleLogInterval) return
    lastLogged = now
    const since = new Date(state.verified?.time ?? state.since).toISOString()
    log.error('there is no recent backup: see `snailpass doctor`', undefined, { since })
  }

  return startLoop(
    { name: 'the backup schedule', wait, log, initialDelay, retryDelay: pollInterval },
    async (signal) => {
      const due = lastDue(schedule, jitterFraction, clock())
      if (await backups.claim(due)) await attempt(signal)
      await logMissing()
      return pollInterval
    },
  )
}
