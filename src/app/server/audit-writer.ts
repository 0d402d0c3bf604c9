import type { Settings } from '../../config/settings'
import { type AuditEvent, serverEvent } from '../../domain/audit'
import { DomainError } from '../../domain/errors'
import type { LoginEventBuffer } from '../../domain/login-events'
import type { Store } from '../../domain/store'
import type { Log } from '../../log'
import type { Runtime } from '../runtime'

/** How often what was gathered is written, in milliseconds. */
const flushInterval = 5_000

/** How often the newest row is told to the log, and old ones are taken away, in milliseconds. */
const day = 24 * 60 * 60_000

/** Rows that are pruned in one transaction: others write meanwhile. */
const maxRowsPerPrune = 2_000

export interface AuditWriter {
  /** Writes what was gathered, for at most so many milliseconds; false when that is still under way. */
  stop(timeout: number): Promise<boolean>
}

/**
 * Writes what sign-ins leave for the audit trail, and sees each time that the newest row from before is still there: a
 * trail that was put back to an older state is whole in itself. Once a day, and at its end, it tells the log the newest
 * row, which nobody who has only the database can change there, and takes old rows away.
 */
export function startAuditWriter(
  store: Store,
  loginEvents: LoginEventBuffer,
  settings: Settings,
  runtime: Runtime,
  log: Log,
): AuditWriter {
  const stopping = new AbortController()
  const { signal } = stopping
  let isWarned = false
  let lastDailyRun = Number.NEGATIVE_INFINITY
  let lastSeen: string | null = null
  /** What was found of the trail itself, until it is written there. */
  let brokenEvent: AuditEvent | null = null

  const write = async (all?: 'all'): Promise<void> => {
    const events = loginEvents.drain(all)
    if (events.length === 0 && brokenEvent === null) return
    try {
      await store.write(async (tx) => {
        if (brokenEvent !== null) tx.audit.record(brokenEvent)
        for (const event of events) tx.audit.record(event)
      })
      brokenEvent = null
      isWarned = false
    } catch (error) {
      loginEvents.requeue(events)
      if (!(error instanceof DomainError)) throw error
      // Once for each time that it can't: there is a line for what is wrong with the database already.
      if (!isWarned) log.warn(`sign-ins can't be written to the audit trail now: ${error.message}`)
      isWarned = true
    }
  }

  /** Sees that the row is there that was the newest, and answers the one that it is now. */
  const checkNewest = async (): Promise<string | null> => {
    const { newest, isCut } = await store.read(async (tx) => ({
      newest: await tx.audit.findNewest(),
      isCut: lastSeen !== null && (await tx.audit.getRowStatus(lastSeen)) === 'missing',
    }))
    // No command that may replace it works beside a server.
    if (isCut && lastSeen !== null) {
      log.error('the audit trail was cut or replaced: it lacks a row that it had', undefined, {
        row: lastSeen,
      })
      const number = Number.parseInt(lastSeen, 10)
      const detail = `row ${number} was the newest one, and is gone or another: the trail was cut or put back`
      // The first one tells enough, where it can't be written at once.
      brokenEvent ??= serverEvent(runtime.clock(), 'trail-broken', { detail })
    }
    lastSeen = newest
    return newest
  }

  const logNewest = async (): Promise<void> => {
    const newest = await checkNewest()
    if (newest !== null) log.info('the newest row of the audit trail', { newest })
  }

  /** Answers whether it could be looked at: if not, the write tells of it, if there is any, and the next look is as good. */
  const checkAndWrite = async (all?: 'all'): Promise<boolean> => {
    const isChecked = await checkNewest().then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof DomainError)) throw error
        return false
      },
    )
    await write(all)
    return isChecked
  }

  /** What is done to the database before the next start is found by what stands in the log. */
  const finish = async (): Promise<void> => {
    if (!(await checkAndWrite('all'))) return
    try {
      await logNewest()
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
    }
  }

  const runDaily = async (): Promise<void> => {
    const now = runtime.clock()
    if (Math.abs(now - lastDailyRun) < day) return
    lastDailyRun = now
    try {
      await logNewest()
      const pruned = await pruneAuditRows(store, settings, runtime)
      if (pruned > 0) log.info(`took old rows from the audit trail: ${pruned}`)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (error.code === 'conflict') log.error(error.message)
      else log.warn(`the audit trail can't be looked after now: ${error.message}`)
    }
  }

  const running = (async () => {
    while (!signal.aborted) {
      await runDaily()
      // Rejects when the server stops.
      await runtime.wait(flushInterval, signal).catch(() => {})
      if (!signal.aborted) await checkAndWrite()
    }
  })()
  // A bug of ours in here must not go unheard until somebody waits for the end.
  running.catch((error) => log.error('the audit trail is not looked after any more', error))

  return {
    async stop(timeout) {
      stopping.abort()
      const timer = new AbortController()
      const timedOut = runtime.wait(timeout, timer.signal).then(
        () => false,
        () => true,
      )
      const writing = running.then(finish).then(() => true)
      const isOver = await Promise.race([writing, timedOut])
      timer.abort()
      const left = loginEvents.size()
      if (!isOver || left > 0) log.warn(`sign-ins are missing in the audit trail: ${left} rows`)
      return isOver
    },
  }
}

/**
 * Takes rows away that are older than the settings let them be. Answers how many. Throws a DomainError: `conflict` where
 * they are not as they were written.
 */
export async function pruneAuditRows(
  store: Store,
  { auditDays }: Settings,
  { clock }: Pick<Runtime, 'clock'>,
): Promise<number> {
  if (auditDays === 0) return 0
  const now = clock()
  const bounds = { before: now - auditDays * day, now, maxRows: maxRowsPerPrune }
  for (let sum = 0; ; ) {
    const { pruned, isDone } = await store.write((tx) => tx.audit.prune(bounds))
    sum += pruned
    if (isDone) return sum
  }
}
