import { DomainError } from '../domain/errors'
import { engineFault } from '../engine/faults'
import type { Session } from '../store/database'
import { type Additions, additions, type Table, tables } from '../store/tables'
import {
  eachPage,
  insertRows,
  type Progress,
  type Row,
  requireEqual,
  startSum,
  sumTables,
  type TableSum,
} from '../store/transfer'
import { damaged, explained } from './faults'
import type { ArchivedTable, OpenedArchive } from './verify'

/**
 * Puts what a verified archive holds in the place of everything that lies in a database, as a part of a transaction of
 * the caller's, reads it back and compares. What the database knows of itself stays. Throws `unavailable`; then the
 * transaction must be undone.
 */
export async function replaceContents(
  archive: OpenedArchive,
  session: Session,
  name: string,
  progress: (step: 'restored' | 'checked') => Progress,
): Promise<readonly TableSum[]> {
  const pairs = fittingTables(archive.name, archive.manifest.tables)
  await session.words.emptyTables(
    session.db,
    tables.toReversed().map((table) => table.name),
  )
  const written: TableSum[] = []
  for (const { table, archived } of pairs) {
    const sum = startSum(table.name)
    if (archived !== null) {
      const restored = progress('restored')
      const reading = <R>(work: () => Promise<R>) => explained(archive.name, 'read', work)
      await eachPage(archive.db, archived, { progress: restored, reading }, async (rows) => {
        const whole = rows.map((row) => completed(row, table))
        sum.add(whole)
        await insert(archive.name, session, table, whole)
      })
    }
    written.push(sum.end())
  }
  const read = await sumTables(session.db, { progress: progress('checked') })
  requireEqual(written, read, name)
  for (const { table } of pairs) await session.words.resumeRowNumbers(session.db, table.name)
  return read
}

/**
 * Each of our tables with what the archive has of it; null for one that an older archive did not know. Throws
 * `unavailable` where something is missing that was always there, or is there that we do not know.
 */
export function fittingTables(
  path: string,
  archived: readonly ArchivedTable[],
  known: { tables: readonly Table[]; additions: Additions } = { tables, additions },
): readonly { table: Table; archived: ArchivedTable | null }[] {
  const tooNew = (what: string) =>
    new DomainError('unavailable', `${path} holds what this snailpass does not know: ${what}`, {
      hint: 'install the version that made it, or a later one',
    })
  for (const { name, columns } of archived) {
    const ours = known.tables.find((table) => table.name === name)
    if (ours === undefined) throw tooNew(`the table ${name}`)
    const strange = Object.entries(columns).find(([column, kind]) => ours.columns[column] !== kind)
    if (strange !== undefined) throw tooNew(`the column ${strange[0]} of ${name}`)
  }
  return known.tables.map((table) => {
    const found = archived.find(({ name }) => name === table.name) ?? null
    if (found === null && !known.additions.tables.includes(table.name)) {
      throw damaged(path, `it lacks the table ${table.name}`)
    }
    const defaults = known.additions.columns[table.name] ?? {}
    const missing = Object.keys(table.columns).find(
      (column) => found !== null && !(column in found.columns) && !(column in defaults),
    )
    if (missing !== undefined) throw damaged(path, `${table.name} lacks the column ${missing}`)
    return { table, archived: found }
  })
}

/** A row with every column that we know, in our order. */
export function completed(row: Row, table: Table, known: Additions = additions): Row {
  const defaults = known.columns[table.name] ?? {}
  return Object.fromEntries(
    Object.keys(table.columns).map((column) => [column, row[column] ?? defaults[column] ?? null]),
  )
}

async function insert(path: string, { db }: Session, table: Table, rows: readonly Row[]) {
  try {
    await insertRows(db, table, rows)
  } catch (error) {
    if (engineFault(error) === 'orphan') {
      throw damaged(path, `a row of ${table.name} belongs to one that is not there`, error)
    }
    throw error
  }
}
