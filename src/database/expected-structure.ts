import { type Kysely, sql } from 'kysely'
import { createScratchStructure, type ScratchStructure } from '../engine/sqlite/scratch'
import type { TablePart } from '../engine/structure'
import type { Migrations } from '../store/migrations/index'

/** What Kysely's migrator creates beside our tables: the list of the migrations that have run. */
const migrationTables = [
  sql`create table kysely_migration (name varchar(255) not null primary key, timestamp varchar(255) not null)`,
  sql`create table kysely_migration_lock (id varchar(255) not null primary key, is_locked integer not null default 0)`,
]

const computed = new WeakMap<Migrations, Map<string, Promise<ScratchStructure>>>()

/**
 * Returns what these migrations of an engine create: the tables of a database on which they have run. They run on an empty
 * SQLite database in memory, once for each process and list, in two milliseconds.
 */
export function expectedStructure(
  migrations: Migrations,
  names: readonly string[],
): Promise<ScratchStructure> {
  const known = computed.get(migrations) ?? new Map<string, Promise<ScratchStructure>>()
  computed.set(migrations, known)
  const list = names.join('\n')
  const structure = known.get(list) ?? createScratchStructure((db) => create(db, migrations, names))
  known.set(list, structure)
  return structure
}

async function create(
  db: Kysely<unknown>,
  migrations: Migrations,
  names: readonly string[],
): Promise<void> {
  for (const statement of migrationTables) await statement.execute(db)
  for (const name of names) await migrations[name]?.up(db)
}

/** Returns the names of tables and indexes that migrations create. */
export function namesOf({ structure }: ScratchStructure): ReadonlySet<string> {
  const indexes = [...structure.tables.values()].flat().flatMap(({ index }) => index ?? [])
  return new Set([...structure.tables.keys(), ...indexes])
}

/** Returns the columns of a table with their types. */
export function columnsOf(parts: readonly TablePart[]): ReadonlyMap<string, string> {
  const prefix = 'column '
  const columns = parts.filter(({ key }) => key.startsWith(prefix))
  return new Map(
    columns.map(({ key, definition }) => [
      key.slice(prefix.length),
      definition.split(' ')[0] ?? definition,
    ]),
  )
}
