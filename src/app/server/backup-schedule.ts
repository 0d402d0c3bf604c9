import type { Settings } from '../../config/settings'
import { lastDue } from '../../domain/backup-schedule'
import { type Backups, backupProblem } from '../../domain/backups'
import { DomainError, errorMessage } from '../../domain/errors'
import { randomFraction } from '../../domain/runtime'
import type { Log } from '../../log'
import type { Runtime } from '../runtime'

/** Makes an archive and proves it, or throws why not; ends soon when the signal says so. */
export type RunBackup = (signal: AbortSignal) => Promise<void>

/** How long a server runs before it looks for the first time, and between looks, in milliseconds. */
const initialDelay = 30_000
const pollInterval = 60_000

/** How often the log tells that archives are missing, in milliseconds. */
const staleLogInterval = 24 * 60 * 60_000

/**
 * Has an archive made every day, by one of the servers of a database; a time that was missed is made up for. What fails or is
 * missing for too long is in the log at error.
 */
export function startBackupSchedule(
  backups: Backups,
  run: RunBackup,
  schedule: NonNullable<Settings['backupSchedule']>,
  { clock, random, wait }: Runtime,
  log: Log,
): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  const chance = randomFraction(random)
  let lastLogged = Number.NEGATIVE_INFINITY

  const attempt = async (): Promise<void> => {
    try {
      await run(signal)
    } catch (error) {
      // A server that ends breaks its own try off, and another one may have it.
      if (signal.aborted) return
      const reason = errorMessage(error)
      log.error('no archive could be made', undefined, { reason })
      await backups.recordFailure(reason)
    }
  }

  const runOnce = async (): Promise<void> => {
    const due = lastDue(schedule, chance, clock())
    if (await backups.claim(due)) await attempt()
    const state = await backups.state()
    const now = clock()
    if (backupProblem(state, now) !== 'stale' || now - lastLogged < staleLogInterval) return
    lastLogged = now
    const since = new Date(state.verified?.time ?? state.since).toISOString()
    log.error('there is no new archive: see `snailpass doctor`', undefined, { since })
  }

  const running = (async () => {
    for (let next = initialDelay; !signal.aborted; next = pollInterval) {
      // Rejects when the server stops.
      await wait(next, signal).catch(() => {})
      if (signal.aborted) return
      try {
        await runOnce()
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
        log.warn(`archives can't be looked after now: ${error.message}`)
      }
    }
  })()
  // A bug of ours in here must not go unheard until somebody waits for the end.
  running.catch((error) => log.error('archives are not looked after any more', error))

  return {
    async stop() {
      stopping.abort()
      await running.catch(() => {})
    },
  }
}
