import type { Settings } from '../config/settings'
import { type AuditEvent, byServer } from '../domain/audit'
import { DomainError } from '../domain/errors'
import type { LoginTrail } from '../domain/login-trail'
import type { Store } from '../domain/store'
import type { Log } from '../log'
import type { World } from './world'

/** How often what was gathered is written, in milliseconds. */
const pause = 5_000

/** How often the newest row is told to the log, and old ones are taken away, in milliseconds. */
const day = 24 * 60 * 60_000

/** Rows that are pruned in one transaction: others write meanwhile. */
const mostAtOnce = 2_000

export interface RunningAudit {
  /** Writes what was gathered, for at most so many milliseconds; false when that is still under way. */
  stop(patience: number): Promise<boolean>
}

/**
 * Writes what sign-ins leave for the audit trail, and sees each time that the newest row from before is still there: a
 * trail that was put back to an older state is whole in itself. Once a day, and at its end, it tells the log the newest
 * row, which nobody who has only the database can change there, and takes old rows away.
 */
export function startAuditing(
  store: Store,
  trail: LoginTrail,
  settings: Settings,
  world: World,
  log: Log,
): RunningAudit {
  const stopping = new AbortController()
  const { signal } = stopping
  let isTold = false
  let lastDay = Number.NEGATIVE_INFINITY
  let lastSeen: string | null = null
  /** What was found of the trail itself, until it is written there. */
  let found: AuditEvent | null = null

  const write = async (all?: 'all'): Promise<void> => {
    const events = trail.take(all)
    if (events.length === 0 && found === null) return
    try {
      await store.write(async (scope) => {
        if (found !== null) scope.audit.record(found)
        for (const event of events) scope.audit.record(event)
      })
      found = null
      isTold = false
    } catch (error) {
      trail.putBack(events)
      if (!(error instanceof DomainError)) throw error
      // Once for each time that it can't: there is a line for what is wrong with the database already.
      if (!isTold) log.warn(`sign-ins can't be written to the audit trail now: ${error.message}`)
      isTold = true
    }
  }

  /** Sees that the row is there that was the newest, and answers the one that it is now. */
  const look = async (): Promise<string | null> => {
    const { newest, isCut } = await store.read(async (scope) => ({
      newest: await scope.audit.findNewest(),
      isCut: lastSeen !== null && (await scope.audit.lookFor(lastSeen)) === 'missing',
    }))
    // No command that may replace it works beside a server.
    if (isCut && lastSeen !== null) {
      log.error('the audit trail was cut or replaced: it lacks a row that it had', undefined, {
        row: lastSeen,
      })
      const number = Number.parseInt(lastSeen, 10)
      const detail = `row ${number} was the newest one, and is gone or another: the trail was cut or put back`
      // The first one tells enough, where it can't be written at once.
      found ??= byServer(world.clock(), 'trail-broken', { detail })
    }
    lastSeen = newest
    return newest
  }

  const tellNewest = async (): Promise<void> => {
    const newest = await look()
    if (newest !== null) log.info('the newest row of the audit trail', { newest })
  }

  /** Answers whether it could be looked at: if not, the write tells of it, if there is any, and the next look is as good. */
  const lookAndWrite = async (all?: 'all'): Promise<boolean> => {
    const isSeen = await look().then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof DomainError)) throw error
        return false
      },
    )
    await write(all)
    return isSeen
  }

  /** What is done to the database before the next start is found by what stands in the log. */
  const leave = async (): Promise<void> => {
    if (!(await lookAndWrite('all'))) return
    try {
      await tellNewest()
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
    }
  }

  const daily = async (): Promise<void> => {
    const now = world.clock()
    if (Math.abs(now - lastDay) < day) return
    lastDay = now
    try {
      await tellNewest()
      const pruned = await pruneTrail(store, settings, world)
      if (pruned > 0) log.info(`took old rows from the audit trail: ${pruned}`)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (error.code === 'conflict') log.error(error.message)
      else log.warn(`the audit trail can't be looked after now: ${error.message}`)
    }
  }

  const running = (async () => {
    while (!signal.aborted) {
      await daily()
      // Rejects when the server stops.
      await world.wait(pause, signal).catch(() => {})
      if (!signal.aborted) await lookAndWrite()
    }
  })()
  // A bug of ours in here must not go unheard until somebody waits for the end.
  running.catch((error) => log.error('the audit trail is not looked after any more', error))

  return {
    async stop(patience) {
      stopping.abort()
      const timer = new AbortController()
      const timeout = world.wait(patience, timer.signal).then(
        () => false,
        () => true,
      )
      const writing = running.then(leave).then(() => true)
      const isOver = await Promise.race([writing, timeout])
      timer.abort()
      const left = trail.size()
      if (!isOver || left > 0) log.warn(`sign-ins are missing in the audit trail: ${left} rows`)
      return isOver
    },
  }
}

/**
 * Takes rows away that are older than the settings let them be. Answers how many. Throws a DomainError: `conflict` where
 * they are not as they were written.
 */
export async function pruneTrail(
  store: Store,
  { auditDays }: Settings,
  { clock }: Pick<World, 'clock'>,
): Promise<number> {
  if (auditDays === 0) return 0
  const now = clock()
  const bounds = { before: now - auditDays * day, now, most: mostAtOnce }
  for (let sum = 0; ; ) {
    const { pruned, isDone } = await store.write((scope) => scope.audit.prune(bounds))
    sum += pruned
    if (isDone) return sum
  }
}
