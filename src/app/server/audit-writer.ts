import { startLoop } from '../../background'
import type { Settings } from '../../config/settings'
import { type AuditEvent, serverEvent } from '../../domain/audit'
import type { ClockWatch } from '../../domain/clock-watch'
import { DomainError } from '../../domain/errors'
import type { LoginEventBuffer } from '../../domain/login-events'
import type { Clock, MonotonicClock } from '../../domain/runtime'
import type { Store } from '../../domain/store'
import { formatCount } from '../../domain/text'
import type { Log } from '../../log'
import type { Runtime } from '../runtime'

/** Milliseconds between two rounds. */
const flushInterval = 5_000

/** Milliseconds between two log lines with the newest row, and between two prunings. */
const day = 24 * 60 * 60_000

/** Rows that one transaction prunes, so that other writes don't wait for long. */
const maxRowsPerPrune = 2_000

export interface AuditWriter {
  /** Returns whether nothing was found since the start that was cut, replaced or tampered with. */
  isIntact(): boolean
  /**
   * Writes the remaining events, for at most `timeout` milliseconds, and logs the newest row. Returns false when the
   * database may still be in use.
   */
  stop(timeout: number): Promise<boolean>
}

/**
 * Every 5 s: writes buffered login events and checks that the newest audit row seen before still exists. A log rolled
 * back to an older state is consistent in itself, so only memory can tell. At the start, daily and at the stop: logs the
 * newest row, because an attacker with only the database can't change the log. Daily: prunes, once the clock is plausible.
 *
 * Returns once the newest row is in the log.
 */
export async function startAuditWriter(deps: {
  store: Store
  loginEvents: LoginEventBuffer
  settings: Settings
  clockWatch: Pick<ClockWatch, 'ageLimit'>
  runtime: Runtime
  log: Log
}): Promise<AuditWriter> {
  const { store, loginEvents, runtime, log } = deps
  const { clock, monotonicClock, wait } = runtime
  const head = createHeadWatch(store, clock, log)

  const writeEvents = async (all?: 'all'): Promise<void> => {
    const events = loginEvents.drain(all)
    const brokenEvent = head.brokenEvent()
    if (events.length === 0 && brokenEvent === null) return
    try {
      await store.write(async (tx) => {
        if (brokenEvent !== null) tx.audit.record(brokenEvent)
        for (const event of events) tx.audit.record(event)
      })
      head.clearBrokenEvent()
    } catch (error) {
      loginEvents.requeue(events)
      throw error
    }
  }

  const logNewest = async (): Promise<boolean> => {
    const newest = await head.check()
    if (newest !== null) log.info('audit log head', { newest })
    return true
  }

  const logNewestDaily = daily(monotonicClock, logNewest)
  let isTampered = false
  const onTampered = () => {
    isTampered = true
  }
  const pruneDaily = daily(monotonicClock, () => pruneAndLog({ ...deps, onTampered }))

  // The first round repeats what fails here, and reports it.
  await logNewestDaily().catch(() => {})
  const loop = startLoop(
    {
      name: 'writing the audit log',
      wait,
      log,
      retryDelay: flushInterval,
      async onStop() {
        await head.check()
        await writeEvents('all')
        // Changes to the database before the next start can be found with the help of this line.
        await logNewest()
      },
    },
    async () => {
      await head.check()
      await writeEvents()
      await logNewestDaily()
      await pruneDaily()
      return flushInterval
    },
  )

  return {
    isIntact: () => head.isIntact() && !isTampered,
    async stop(timeout) {
      const isOver = await loop.stop(timeout)
      const rows = loginEvents.drain('all').length
      if (!isOver || rows > 0) log.warn('the audit log may lack sign-ins', { rows })
      return isOver
    },
  }
}

/** Remembers the newest row of the audit log, to notice when it is gone. */
function createHeadWatch(store: Store, clock: Clock, log: Log) {
  let lastSeen: string | null = null
  let brokenEvent: AuditEvent | null = null
  let isIntact = true
  return {
    isIntact: () => isIntact,
    /** Checks that the row that was the newest still exists. Returns the row that is the newest now, null for none. */
    async check(): Promise<string | null> {
      const { newest, isCut } = await store.read(async (tx) => ({
        newest: await tx.audit.findNewest(),
        isCut: lastSeen !== null && (await tx.audit.getRowStatus(lastSeen)) === 'missing',
      }))
      // No command that may replace the audit log runs while a server does.
      if (isCut && lastSeen !== null) {
        log.error('the audit log was cut or replaced: a row is missing', undefined, {
          row: lastSeen,
        })
        isIntact = false
        // Until the event is written, further missing rows add nothing to it.
        brokenEvent ??= createBrokenEvent(lastSeen, clock())
      }
      lastSeen = newest
      return newest
    },
    /** The event that reports a missing row, until it is written; null for none. */
    brokenEvent: () => brokenEvent,
    clearBrokenEvent() {
      brokenEvent = null
    },
  }
}

/** Returns the audit event for the missing row `17:3f…`. Its detail is stored, so its text is fixed. */
function createBrokenEvent(row: string, time: number): AuditEvent {
  const number = Number.parseInt(row, 10)
  const detail = `row ${number} was the newest one, and is gone or another: the trail was cut or put back`
  return serverEvent(time, 'trail-broken', { detail })
}

/**
 * Returns a function that does `work` at its first call and then once a day. Work that fails, or returns that it was not done,
 * is tried again at the next call.
 */
function daily(clock: MonotonicClock, work: () => Promise<boolean>): () => Promise<void> {
  let last = Number.NEGATIVE_INFINITY
  return async () => {
    const now = clock()
    if (now - last < day) return
    if (await work()) last = now
  }
}

/**
 * Prunes and logs the number of removed rows. Returns false while the clock is implausible. Logs an error if rows were
 * tampered with. Throws other errors.
 */
async function pruneAndLog(deps: {
  store: Store
  settings: Settings
  clockWatch: Pick<ClockWatch, 'ageLimit'>
  log: Log
  onTampered: () => void
}): Promise<boolean> {
  const { store, settings, clockWatch, log, onTampered } = deps
  try {
    const count = await pruneAuditRows(store, settings, clockWatch)
    if (count === null) return false
    if (count > 0) log.info(`pruned ${formatCount(count, 'row')} of the audit log`)
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'conflict')) throw error
    onTampered()
    log.error(error.message)
  }
  return true
}

/**
 * Removes rows that are older than the settings allow. Returns how many, null while the clock is implausible: then none.
 * Throws a DomainError: `conflict` if the rows were tampered with.
 */
export async function pruneAuditRows(
  store: Store,
  { auditDays }: Settings,
  clockWatch: Pick<ClockWatch, 'ageLimit'>,
): Promise<number | null> {
  if (auditDays === 0) return 0
  const limit = clockWatch.ageLimit(auditDays * day)
  if (limit === null) return null
  for (let count = 0; ; ) {
    const { pruned, isDone } = await store.write((tx) => tx.audit.prune(limit, maxRowsPerPrune))
    count += pruned
    if (isDone) return count
  }
}
