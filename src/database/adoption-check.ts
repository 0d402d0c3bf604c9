import { type RawBuilder, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import { formatCount } from '../domain/text'
import { isPostgres } from '../engine/is-postgres'
import { readStructure } from '../engine/read-structure'
import type { DatabaseStructure } from '../engine/structure'
import { countFrom } from './adopted-accounts'
import type { ExclusiveDatabase } from './database'
import { columnsOf } from './expected-structure'
import { legacyColumns } from './legacy-tables'
import { requireNoProblems } from './structure-check'
import { findNameConflicts, type StructureProblem } from './structure-comparison'

type LegacyTable = keyof typeof legacyColumns
type LegacyKind = 'text' | 'flag' | 'time'

/** Returns the name of an original table while ours is filled from it; on Postgres, its indexes get such a name as well. */
export const legacyName = (name: string) => `original_${name}`

const legacyTables = Object.keys(legacyColumns) as readonly LegacyTable[]

function kindOf(column: string): LegacyKind {
  if (column.endsWith('_time')) return 'time'
  return column.startsWith('is_') || column === 'email_confirmed' ? 'flag' : 'text'
}

/** Null is a value of these columns. */
const isOptional = (column: string) => column === 'hint' || kindOf(column) === 'flag'

/**
 * Throws `unavailable` unless the tables of the original server can be turned into ours: with columns of other types, rows
 * that the original server can't have written, or objects in the way, it names each of them.
 */
export async function requireAdoptable(database: ExclusiveDatabase): Promise<void> {
  const { db, name } = database
  const found = await readStructure(db, new Set<string>(legacyTables))
  const needed = await database.listNeededNames()
  const ownNames = [...found.tables.values()].flat().flatMap(({ index }) => index ?? [])
  const renamed = new Set([...legacyTables, ...ownNames].map(legacyName))
  requireNoProblems({ db, name, creator: 'the original server' }, [
    ...found.acting.map(({ label, removal }) => ({ what: label, fix: removal })),
    ...findNameConflicts(new Set([...needed, ...renamed]), found),
    ...ownNames
      .filter((index) => renamed.has(index))
      .map((index) => ({
        what: `the index ${index}, whose name SnailPass needs`,
        fix: `drop index "${index}"`,
      })),
    ...listWrongColumns(found, isPostgres(db)),
  ])
  await requireValidRows(database)
}

/** Types as SQLAlchemy creates them, and their like. */
const typePatterns: Readonly<Record<LegacyKind, RegExp>> = {
  text: /^(?:varchar|text|char|character|nvarchar|clob)\b/,
  flag: /^(?:boolean|bool)\b/,
  time: /^(?:timestamp|datetime)\b/,
}

function listWrongColumns(
  found: DatabaseStructure,
  isOnPostgres: boolean,
): readonly StructureProblem[] {
  return legacyTables.flatMap((table) => {
    const parts = found.tables.get(table) ?? []
    const types = columnsOf(parts)
    const wrong = legacyColumns[table].flatMap((column) => {
      const [kind, type = ''] = [kindOf(column), types.get(column)]
      if (typePatterns[kind].test(type)) return []
      const target = { text: 'text', flag: 'boolean', time: 'timestamp' }[kind]
      return {
        what: `the column ${column} of ${table}, which has the type ${type || 'none'} instead of ${target}`,
        fix: isOnPostgres
          ? `alter table "${table}" alter column "${column}" type ${target} using "${column}"::${target}`
          : null,
      }
    })
    const generated = parts.filter(({ definition }) => definition.endsWith(' generated'))
    return [...wrong, ...generated.map(({ label, removal }) => ({ what: label, fix: removal }))]
  })
}

/** Throws `unavailable` for rows without a value that ours must have, or with one of another kind. */
async function requireValidRows(database: ExclusiveDatabase): Promise<void> {
  const { db, name } = database
  const wrong: string[] = []
  for (const table of legacyTables) {
    for (const column of legacyColumns[table]) {
      const condition = invalidValue(column, isPostgres(db))
      if (condition === null) continue
      const rows = await countFrom(database, sql`${sql.table(table)} where ${condition}`)
      if (rows > 0) wrong.push(`${formatCount(rows, 'row')} of ${table} without a valid ${column}`)
    }
    // In one statement: between two of them, an original server that still runs could add rows.
    const repeated = await countFrom(
      database,
      sql`(select row_number() over (partition by id) as nth from ${sql.table(table)}) as numbered where nth > 1`,
    )
    if (repeated > 0)
      wrong.push(`${formatCount(repeated, 'row')} of ${table} with the id of another row`)
  }
  if (wrong.length === 0) return
  throw new DomainError('unavailable', [`${name} has rows that can't be migrated:`, ...wrong], {
    hint: 'the original server did not write them: keep a copy, and correct or delete these rows',
  })
}

/** Returns the condition for values that ours can't have. SQLite stores values of any type in any column. */
function invalidValue(column: string, isOnPostgres: boolean): RawBuilder<boolean> | null {
  const value = sql.ref(column)
  const isMissing = sql<boolean>`${value} is null`
  if (isOnPostgres) return isOptional(column) ? null : isMissing
  switch (kindOf(column)) {
    case 'text':
      return isOptional(column)
        ? sql`typeof(${value}) not in ('text', 'null')`
        : sql`typeof(${value}) <> 'text'`
    case 'flag':
      return sql`typeof(${value}) not in ('integer', 'null')`
    case 'time':
      return sql`typeof(${value}) <> 'text' or strftime('%s', ${value}) is null`
  }
}
