import type { Kysely } from 'kysely'
import { DomainError, errorMessage } from '../domain/errors'
import { describePostgresFault } from '../engine/postgres/faults'
import { inspectPostgres, type PostgresInspection } from '../engine/postgres/inspect'
import { isSystemError } from '../files/data-folder'
import type { Schema } from '../store/schema'
import type { DatabaseContent, InspectedDatabase } from './database'
import { isLegacySchema, requireNoForeignColumn } from './legacy-tables'
import { ownTables } from './own-tables'

/** Only this migration shows that tables are ours: other programs use the same table names. */
const firstMigration = '0001-vaults'

export interface InspectedPostgresDatabase extends InspectedDatabase {
  /** The schema that has our tables, or will have them. */
  readonly schema: string
}

/** Returns what a database contains. Throws `unavailable`, with a hint, if our tables or texts can't be stored in it. */
export async function inspectPostgresDatabase(
  name: string,
  db: Kysely<Schema>,
): Promise<InspectedPostgresDatabase> {
  const inspection = await inspectPostgres(db)
  const { schema, unsupportedEncoding, migrations } = inspection
  if (schema === null) {
    throw new DomainError('unavailable', `the search path of ${name} names no existing schema`, {
      hint: 'create the schema with `create schema`, or correct the search path in SNAILPASS_DATABASE_URL',
    })
  }
  if (unsupportedEncoding !== null) {
    throw new DomainError(
      'unavailable',
      `${name} has the encoding ${unsupportedEncoding}, which can't store every character`,
      { hint: 'create the database with: createdb --encoding=UTF8 --template=template0 NAME' },
    )
  }
  return { content: classifyContent(name, inspection), migrations, schema }
}

function classifyContent(
  name: string,
  { columns, migrations }: PostgresInspection,
): DatabaseContent {
  if (migrations.includes(firstMigration)) return 'ours'
  if (isLegacySchema(columns)) return 'original'
  requireNoForeignColumn(name, columns)
  const foreign = ownTables.filter((table) => table in columns)
  if (foreign.length === 0) return 'nothing'
  throw new DomainError(
    'unavailable',
    `${name} contains tables of another program: ${foreign.join(', ')}`,
    { hint: 'use another database, or a schema of its own with ?options=-csearch_path%3DNAME' },
  )
}

/** Runs work on a Postgres database. Errors of Postgres and of the system become DomainErrors; others pass unchanged. */
export async function translatePostgresErrors<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asPostgresError(name, error)
  }
}

/** Returns what to throw for an error of work on a Postgres database. */
function asPostgresError(name: string, error: unknown): unknown {
  // Certificate files are the only files that such work reads.
  const fault = isSystemError(error)
    ? {
        reason: errorMessage(error),
        hint: 'check sslrootcert, sslcert and sslkey in SNAILPASS_DATABASE_URL',
      }
    : describePostgresFault(error)
  if (fault === null) return error
  const { reason, hint } = fault
  return new DomainError('unavailable', `${name} can't be used: ${reason}`, { hint, cause: error })
}
