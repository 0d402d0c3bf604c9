import { type Kysely, sql, type Transaction } from 'kysely'
import type { KnownTime, KnownTimeReads, KnownTimeWrites } from '../domain/known-time'
import { ownProperty, parseJson } from '../domain/untrusted'
import { findFact, saveFact } from './facts'
import type { Schema } from './schema'

/** The name of a fact. Facts are not copied: a copy knows the time from its rows. */
const name = 'known_time'

/** Returns what servers have stored about the time, null before the first one. */
export async function findKnownTime(db: Kysely<Schema>): Promise<KnownTime | null> {
  const value = await findFact(db, name)
  return value === null ? null : parseKnownTime(value)
}

/**
 * Returns the newest time in any row, in milliseconds since 1970 (UTC); null if there is none. The audit log is ordered by
 * the events, so its last row is enough.
 */
export async function findNewestTime(db: Kysely<Schema>): Promise<number | null> {
  const { rows } = await sql<{ newest: unknown }>`
    select max(time) as newest from (
      select max(update_time) as time from records
      union all select max(update_time) from notes
      union all select max(creation_time) from users
      union all select max(login_time) from users
      union all select time from audit where seq = (select max(seq) from audit)
    ) as times
  `.execute(db)
  const newest = rows[0]?.newest ?? null
  return newest === null ? null : Number(newest)
}

export function knownTimeReads(db: Kysely<Schema>): KnownTimeReads {
  return {
    find: () => findKnownTime(db),
    findNewestRow: () => findNewestTime(db),
  }
}

export function knownTimeWrites(db: Transaction<Schema>): KnownTimeReads & KnownTimeWrites {
  return {
    ...knownTimeReads(db),

    async save(known) {
      await saveFact(db, name, JSON.stringify(known))
    },
  }
}

/** Returns null for a value in a shape that this version does not know. */
function parseKnownTime(text: string): KnownTime | null {
  const value = parseJson(text)
  const [time, disproved] = [ownProperty(value, 'time'), ownProperty(value, 'disproved')]
  if (typeof time !== 'number') return null
  return {
    time,
    disproved: typeof disproved === 'number' ? disproved : null,
    doubt: parseDoubt(ownProperty(value, 'doubt')),
  }
}

function parseDoubt(value: unknown): KnownTime['doubt'] {
  const [shown, heldFor] = [ownProperty(value, 'shown'), ownProperty(value, 'heldFor')]
  return typeof shown === 'number' && typeof heldFor === 'number' ? { shown, heldFor } : null
}
