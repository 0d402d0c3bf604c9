import type { Kysely } from 'kysely'
import { DomainError, errorMessage } from '../domain/errors'
import { describePostgresFault } from '../engine/postgres/faults'
import { inspectPostgres, type PostgresInspection } from '../engine/postgres/inspect'
import { isSystemError } from '../files/data-folder'
import type { Schema } from '../store/schema'
import { tables } from '../store/tables'
import type { DatabaseContent } from './database'
import { isLegacySchema } from './legacy-tables'

/** What a database of ours has run first: the names of its tables are everybody's. */
const firstMigration = '0001-vaults'

/** Every table that migrations make, in an order in which they can be dropped. */
export const ownTables = [
  ...tables.map((table) => table.name).toReversed(),
  'facts',
  'kysely_migration',
  'kysely_migration_lock',
] as const

/** Looks at the database of a session. Throws `unavailable` where no text or no table could be kept. */
export async function requireUsableDatabase(
  name: string,
  db: Kysely<Schema>,
): Promise<PostgresInspection> {
  const inspection = await inspectPostgres(db)
  requireSchema(name, inspection)
  if (inspection.unsupportedEncoding !== null) {
    throw new DomainError(
      'unavailable',
      `${name} stores texts as ${inspection.unsupportedEncoding}, which can't hold every character`,
      { hint: 'make it with: createdb --encoding=UTF8 --template=template0 NAME' },
    )
  }
  return inspection
}

export function requireSchema(name: string, { schema }: PostgresInspection): string {
  if (schema !== null) return schema
  throw new DomainError('unavailable', `the search path of ${name} names no schema that is there`, {
    hint: 'make it first, with `create schema`, or correct it in SNAILPASS_DATABASE_URL',
  })
}

/** Throws `unavailable` when tables of somebody else's have our names. */
export function classifyContent(
  name: string,
  { columns, migrations }: PostgresInspection,
): DatabaseContent {
  if (migrations.includes(firstMigration)) return 'ours'
  if (isLegacySchema(columns)) return 'original'
  const taken = ownTables.filter((table) => table in columns)
  if (taken.length === 0) return 'nothing'
  throw new DomainError(
    'unavailable',
    `${name} holds tables that are not SnailPass's: ${taken.join(', ')}`,
    { hint: 'name another database, or a schema of its own with ?options=-csearch_path%3DNAME' },
  )
}

export function databaseInUseError(name: string): DomainError {
  return new DomainError('conflict', `another snailpass is at work on ${name}`, {
    hint: 'let it finish, or stop it first: every server, for a command that needs the database for itself',
  })
}

export function emptyDatabaseError(name: string): DomainError {
  return new DomainError('unavailable', `there is no SnailPass database at ${name}`, {
    hint: 'see that SNAILPASS_DATABASE_URL names the right one; for a new one, `snailpass serve` makes it',
  })
}

/** Faults of the server become refusals that say what to do; bugs stay bugs. */
export async function translatePostgresErrors<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const explanation = isSystemError(error)
      ? {
          reason: errorMessage(error),
          hint: 'see sslrootcert, sslcert and sslkey in SNAILPASS_DATABASE_URL',
        }
      : describePostgresFault(error)
    if (explanation === null) throw error
    throw new DomainError('unavailable', `${name} can't be used: ${explanation.reason}`, {
      hint: explanation.hint,
      cause: error,
    })
  }
}
