import type { ExclusiveDatabase } from '../database/database'
import {
  checksumTables,
  createTableChecksum,
  insertRows,
  type PortableRow,
  type Progress,
  readTable,
  requireEqualChecksums,
  type TableChecksum,
} from '../database/table-copy'
import { DomainError } from '../domain/errors'
import { engineFault } from '../engine/faults'
import { type SchemaAdditions, schemaAdditions, type Table, tables } from '../store/tables'
import { damagedBackupError, translateBackupErrors } from './faults'
import type { BackupTable, OpenedBackup } from './verify'

/**
 * Puts what a verified archive holds in the place of everything that lies in a database, as a part of a transaction of
 * the caller's, reads it back and compares. What the database knows of itself stays. Throws `unavailable`; then the
 * transaction must be undone.
 */
export async function replaceContents(
  backup: OpenedBackup,
  target: ExclusiveDatabase,
  name: string,
  progress: (step: 'restored' | 'checked') => Progress,
): Promise<readonly TableChecksum[]> {
  const pairs = matchTables(backup.name, backup.manifest.tables)
  await target.engineSql.emptyTables(
    target.db,
    tables.toReversed().map((table) => table.name),
  )
  const written: TableChecksum[] = []
  for (const { table, backedUp } of pairs) {
    const sum = createTableChecksum(table.name)
    if (backedUp !== null) {
      const restored = progress('restored')
      const translateErrors = <R>(work: () => Promise<R>) =>
        translateBackupErrors(backup.name, 'read', work)
      await readTable(backup.db, backedUp, {
        progress: restored,
        translateErrors,
        onPage: async (rows) => {
          const completeRows = rows.map((row) => withDefaultColumns(row, table))
          sum.add(completeRows)
          await insert(backup.name, target, table, completeRows)
        },
      })
    }
    written.push(sum.end())
  }
  const read = await checksumTables(target.db, { progress: progress('checked') })
  requireEqualChecksums(written, read, name)
  for (const { table } of pairs) await target.engineSql.resumeRowNumbers(target.db, table.name)
  return read
}

/**
 * Each of our tables with what the archive has of it; null for one that an older archive did not know. Throws
 * `unavailable` where something is missing that was always there, or is there that we do not know.
 */
export function matchTables(
  path: string,
  backedUp: readonly BackupTable[],
  known: { tables: readonly Table[]; additions: SchemaAdditions } = {
    tables,
    additions: schemaAdditions,
  },
): readonly { table: Table; backedUp: BackupTable | null }[] {
  const tooNew = (what: string) =>
    new DomainError('unavailable', `${path} holds what this snailpass does not know: ${what}`, {
      hint: 'install the version that made it, or a later one',
    })
  for (const { name, columns } of backedUp) {
    const ours = known.tables.find((table) => table.name === name)
    if (ours === undefined) throw tooNew(`the table ${name}`)
    const unexpected = Object.entries(columns).find(
      ([column, kind]) => ours.columns[column] !== kind,
    )
    if (unexpected !== undefined) throw tooNew(`the column ${unexpected[0]} of ${name}`)
  }
  return known.tables.map((table) => {
    const found = backedUp.find(({ name }) => name === table.name) ?? null
    if (found === null && !known.additions.tables.includes(table.name)) {
      throw damagedBackupError(path, `it lacks the table ${table.name}`)
    }
    const defaults = known.additions.columns[table.name] ?? {}
    const missing = Object.keys(table.columns).find(
      (column) => found !== null && !(column in found.columns) && !(column in defaults),
    )
    if (missing !== undefined)
      throw damagedBackupError(path, `${table.name} lacks the column ${missing}`)
    return { table, backedUp: found }
  })
}

/** A row with every column that we know, in our order. */
export function withDefaultColumns(
  row: PortableRow,
  table: Table,
  known: SchemaAdditions = schemaAdditions,
): PortableRow {
  const defaults = known.columns[table.name] ?? {}
  return Object.fromEntries(
    Object.keys(table.columns).map((column) => [column, row[column] ?? defaults[column] ?? null]),
  )
}

async function insert(
  path: string,
  { db }: ExclusiveDatabase,
  table: Table,
  rows: readonly PortableRow[],
) {
  try {
    await insertRows(db, table, rows)
  } catch (error) {
    if (engineFault(error) === 'orphan') {
      throw damagedBackupError(
        path,
        `a row of ${table.name} belongs to one that is not there`,
        error,
      )
    }
    throw error
  }
}
