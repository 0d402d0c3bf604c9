import { columnsOf, expectedStructure } from '../database/expected-structure'
import type { ReadableTable } from '../database/table-copy'
import { postgresColumnTypes } from '../engine/column-types'
import { migrationsFor } from '../store/migrations/index'
import { type ColumnKind, derivedColumns, schemaAdditions, tables } from '../store/tables'
import { damagedBackupError } from './faults'

/** With the types of Postgres, which distinguish flags from numbers. */
const migrations = migrationsFor(postgresColumnTypes, () => 0)

/** They are in no backup. */
const derived: ReadonlySet<string> = new Set(derivedColumns)

/** The names that our tables have or had. */
const tableNames: readonly string[] = [
  ...tables.map(({ name }) => name),
  ...Object.values(schemaAdditions.formerNames),
]

const kindOfType: Readonly<Record<string, ColumnKind>> = {
  bigint: 'number',
  integer: 'number',
  boolean: 'flag',
  text: 'text',
}

/**
 * Throws `unavailable` unless a backup has the tables and columns of the version that its manifest names: a backup without one could
 * otherwise pass for an older one. What a newer version creates is not known.
 */
export async function requireTablesOfMigration(
  path: string,
  { migration, tables: described }: { migration: string; tables: readonly ReadableTable[] },
): Promise<void> {
  if (!(migration in migrations)) return
  const done = Object.keys(migrations).filter((name) => name <= migration)
  const { structure } = await expectedStructure(migrations, done)
  for (const name of tableNames) {
    const parts = structure.tables.get(name)
    const columns = described.find((table) => table.name === name)?.columns
    if (parts === undefined && columns === undefined) continue
    if (parts === undefined) throw damagedBackupError(path, `${migration} has no table ${name}`)
    if (columns === undefined) throw damagedBackupError(path, `it lacks the table ${name}`)
    const expected = new Map(
      [...columnsOf(parts)]
        .filter(([column]) => !derived.has(column))
        .map(([column, type]) => [column, kindOfType[type]]),
    )
    const names = new Set([...expected.keys(), ...Object.keys(columns)])
    for (const column of names) {
      if (columns[column] === expected.get(column)) continue
      throw damagedBackupError(path, `the column ${column} of ${name} is not that of ${migration}`)
    }
  }
}
