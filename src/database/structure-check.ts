/**
 * Whether the tables of a database are what the migrations create, and nothing acts on them. Someone who can write to a
 * database for a moment could otherwise leave a trigger or the like behind, which acts on all that is written later.
 */
import type { QueryExecutorProvider } from 'kysely'
import { DomainError } from '../domain/errors'
import { formatCount } from '../domain/text'
import { isPostgres } from '../engine/is-postgres'
import { readStructure } from '../engine/read-structure'
import type { DatabaseStructure } from '../engine/structure'
import { type Migrations, scratchTables } from '../store/migrations/index'
import { expectedStructure, namesOf } from './expected-structure'
import { ownTables } from './own-tables'
import {
  compareStructure,
  findNameConflicts,
  reportOthers,
  type StructureProblem,
  type StructureReport,
} from './structure-comparison'
import { repairPostgres, repairSqlite } from './structure-repair'
import { isUsualStructure } from './usual-structure'

/** A database whose migrations `done` have run. */
export interface MigratedDatabase {
  readonly db: QueryExecutorProvider
  /** How messages name it. */
  readonly name: string
  readonly migrations: Migrations
  readonly done: readonly string[]
}

/**
 * Throws `unavailable` unless the tables are what the migrations created and nothing acts on them. The error names each
 * difference, with the statement that removes it. Further migrations must be able to run as well.
 */
export async function requireExpectedStructure(database: MigratedDatabase): Promise<void> {
  const { migrations, done } = database
  const { problems, found } = await checkStructure(database)
  const all = Object.keys(migrations)
  const conflicts =
    done.length < all.length ? findNameConflicts(await namesToCreate(migrations), found) : []
  requireNoProblems(database, [...problems, ...conflicts])
}

/** Throws `unavailable` if an object that is not ours has a name which `deleteAllData` and `migrate` need. */
export async function requireFreeNames({
  db,
  name,
  migrations,
  done,
}: MigratedDatabase): Promise<void> {
  const { structure } = await expectedStructure(migrations, done)
  const found = await readStructure(db, new Set(structure.tables.keys()))
  requireNoProblems({ db, name }, findNameConflicts(await namesToCreate(migrations), found))
}

/** Returns the names that tables and indexes get while the migrations run. */
export async function namesToCreate(migrations: Migrations): Promise<ReadonlySet<string>> {
  const newest = await expectedStructure(migrations, Object.keys(migrations))
  return new Set([...namesOf(newest), ...scratchTables])
}

/** Returns how a database differs from what the migrations created. */
export async function checkStructure({
  db,
  migrations,
  done,
}: MigratedDatabase): Promise<StructureReport & { readonly found: DatabaseStructure }> {
  const usual = await readStructure(db, new Set(ownTables))
  if (isUsualStructure(usual, done)) return { ...reportOthers(usual), found: usual }
  const gap = Object.keys(migrations).find((migration, index) => migration !== done[index])
  // What comes after a gap can't be known.
  const isComplete = gap === undefined || !done.some((migration) => migration > gap)
  const expected = await expectedStructure(migrations, isComplete ? done : [])
  const found = await readStructure(db, new Set(expected.structure.tables.keys()))
  if (!isComplete) {
    const problem = { what: `the migration ${gap} is missing in kysely_migration`, fix: null }
    return { problems: [problem], notes: [], found }
  }
  const repair = isPostgres(db) ? repairPostgres : repairSqlite(expected, found)
  return { ...compareStructure(expected.structure, found, repair), found }
}

/** How many problems an error lists. */
const maxListed = 20

/**
 * Throws `unavailable` if there are problems, and names each with the statement that puts it right. `creator` is what created
 * the tables.
 */
export function requireNoProblems(
  { db, name, creator = 'SnailPass' }: Pick<MigratedDatabase, 'db' | 'name'> & { creator?: string },
  problems: readonly StructureProblem[],
): void {
  if (problems.length === 0) return
  const listed = problems.slice(0, maxListed).map(({ what }) => what)
  const more = problems.length - listed.length
  const lines = [
    `${name} is not as ${creator} creates it; this can change, refuse or hide data:`,
    ...listed,
    ...(more > 0 ? [`and ${formatCount(more, 'further difference')}`] : []),
  ]
  const fixes = problems.flatMap(({ fix }) => (fix === null ? [] : [`${fix};`]))
  const program = isPostgres(db) ? 'in psql' : `with: sqlite3 '${name}'`
  const place = isPostgres(db) ? 'a new database' : `a new file: move ${name} away`
  const hints = [
    'find out who changed the database, because that person could change everything in it',
    ...(fixes.length === 0 ? [] : [`stop the server, keep a copy, and run ${program}`]),
    ...new Set(fixes),
    ...(fixes.length < problems.length ? [`restore a backup into ${place}`] : []),
  ]
  throw new DomainError('unavailable', lines, { hint: hints })
}
