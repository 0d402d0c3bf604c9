import type { QueryExecutorProvider } from 'kysely'
import { isPostgres } from './is-postgres'
import { readPostgresStructure } from './postgres/structure'
import { readSqliteStructure } from './sqlite/structure'
import type { DatabaseStructure } from './structure'

/** Reads the structure of a database around the tables `own`, whose names are in lower case. Throws errors of the engine. */
export function readStructure(
  db: QueryExecutorProvider,
  own: ReadonlySet<string>,
): Promise<DatabaseStructure> {
  return isPostgres(db) ? readPostgresStructure(db, own) : readSqliteStructure(db, own)
}
