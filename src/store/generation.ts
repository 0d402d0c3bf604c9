/**
 * Revisions count in the tables from the creation time of the account, from 0 in a copy, and are more by the generation of the
 * database outside of the store; so are the numbers of versions, which count from 0. The generation is a random number that a
 * database gets when a server first opens it, and that no copy has, be it by a restore, a copy between databases, an adoption or a
 * rollback. So what a client has read before is never taken for what is there now.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Random } from '../domain/runtime'
import { claimFact, deleteFact } from './facts'
import type { Schema } from './schema'

/** The name of the fact. */
const name = 'generation'

/** Returns a generation: 48 bits, so that it has 2 ** 52 revisions as numbers of JavaScript. */
export function newGeneration(random: Random): number {
  return Buffer.from(random(6)).readUIntBE(0, 6)
}

/** Gives a database its generation, unless it has one. */
export async function claimGeneration(db: Kysely<Schema>, generation: number): Promise<void> {
  await claimFact(db, name, String(generation))
}

/** Has the database get a new generation at the next start of a server. */
export async function forgetGeneration(db: Kysely<Schema>): Promise<void> {
  await deleteFact(db, name)
}

/** Returns the revision as it is known outside of the store, from a column with the stored one. */
export function vaultRevision(column: string): RawBuilder<number> {
  return sql`${sql.ref(column)} + ${generation}`
}

/** Returns the stored revision, from one that is known outside of the store. */
export function storedRevision(revision: number): RawBuilder<number> {
  return sql`cast(${revision} as bigint) - ${generation}`
}

const generation = sql`coalesce((select cast(value as bigint) from facts where name = ${sql.lit(name)}), 0)`
