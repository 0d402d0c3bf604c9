import type { ExclusiveDatabase } from '../database/database'
import { renewTables } from '../database/own-tables'
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
import { completeCopiedRows } from '../store/derived-columns'
import { type SchemaAdditions, schemaAdditions, type Table, tables } from '../store/tables'
import { damagedBackupError, translateBackupErrors } from './faults'
import type { BackupTable, OpenedBackup } from './verify'

/**
 * Replaces our tables with new ones that have the rows of a verified backup, reads these back and compares. The table `facts`
 * keeps its rows. The caller has begun a transaction on `target`, and must roll it back if this throws. `name` is how messages name
 * the database. Returns the checksums of its tables. Throws `unavailable` if the backup can't be read or does not fit.
 */
export async function replaceContents(
  backup: OpenedBackup,
  { target, name }: { target: ExclusiveDatabase; name: string },
  startProgress: (step: 'restoring' | 'verifying') => Progress,
): Promise<readonly TableChecksum[]> {
  const pairs = matchTables(backup.name, backup.manifest.tables)
  await renewTables(target)
  const written: TableChecksum[] = []
  const restoring = startProgress('restoring')
  for (const { table, backedUp } of pairs) {
    const checksum = createTableChecksum(table.name)
    if (backedUp !== null) {
      await readTable(backup.db, backedUp, {
        progress: restoring,
        translateErrors: (work) => translateBackupErrors(backup.name, 'read', work),
        onPage: async (rows) => {
          const completeRows = rows.map((row) => withDefaultColumns(row, table))
          checksum.add(completeRows)
          await translateOrphans(backup.name, table, () =>
            insertRows(target.db, table, completeRows),
          )
        },
      })
    }
    written.push(checksum.end())
  }
  await completeCopiedRows(target.db)
  const read = await checksumTables(target.db, { progress: startProgress('verifying') })
  requireEqualChecksums(written, read, name)
  for (const { table } of pairs) await target.engineSql.resumeRowNumbers(target.db, table.name)
  return read
}

/**
 * Returns each of our tables with its table in the backup; null for a table that an older backup does not have. Throws
 * `unavailable` if the backup lacks a table or column that every version has, or has one that this version does not know.
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
    new DomainError('unavailable', `${path} was written by a newer snailpass: it has ${what}`, {
      hint: 'install the version that wrote it, or a later one',
    })
  const isBackedUp = (name: string) => backedUp.some((table) => table.name === name)
  const nameInBackup = ({ name }: Table) =>
    isBackedUp(name) ? name : (known.additions.formerNames[name] ?? name)
  for (const { name, columns } of backedUp) {
    const ours = known.tables.find((table) => nameInBackup(table) === name)
    if (ours === undefined) throw tooNew(`the unknown table ${name}`)
    const unknown = Object.entries(columns).find(([column, kind]) => ours.columns[column] !== kind)
    if (unknown !== undefined) throw tooNew(`the unknown column ${unknown[0]} in ${name}`)
  }
  return known.tables.map((table) => {
    const found = backedUp.find(({ name }) => name === nameInBackup(table)) ?? null
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

/** Returns a row with all of our columns in our order: columns that an older backup lacks get their default. */
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

/** Runs work that inserts rows of a table. Throws `unavailable` if a row refers to a row that the backup does not have. */
async function translateOrphans(
  path: string,
  table: Table,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (engineFault(error) !== 'orphan') throw error
    throw damagedBackupError(path, `a row of ${table.name} refers to a missing row`, error)
  }
}
