import { accessSync, constants, existsSync, lstatSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Kysely } from 'kysely'
import { DomainError } from '../domain/errors'
import { engineFault } from '../engine/faults'
import { copySqliteFile, openDraft } from '../engine/sqlite/connection'
import { applicationId, inspectSqlite, readSqliteHeader } from '../engine/sqlite/inspect'
import { asDomainErrorAt, unusablePathError } from '../files/data-folder'
import { unusualFileKind } from '../files/file-kind'
import { syncFile, syncFolder } from '../files/sync'
import { forgetGeneration } from '../store/generation'
import type { Schema } from '../store/schema'
import type { InspectedDatabase } from './database'
import { isLegacySchema, requireNoForeignColumn } from './legacy-tables'
import { LostDatabaseError, missingDatabaseError } from './lost-database'

/**
 * Returns what a database file contains, after a check of its integrity unless the caller does without. SQLite does not open a file of another program,
 * because opening can change it. Throws `unavailable`, with a hint, if the file is damaged, empty or not a SnailPass database.
 */
export function inspectSqliteFile(
  path: string,
  options: { isChecked?: boolean } = {},
): InspectedDatabase {
  if (isFileMissing(path)) return { content: 'nothing', migrations: [] }
  // SQLite opens a file without write permission too, and fails at the first write.
  accessSync(path, constants.R_OK | constants.W_OK)
  requireRegularDatabaseFile(path)
  const { isEmpty, applicationId: id } = readSqliteHeader(path)
  if (isEmpty) {
    throw new LostDatabaseError('empty', `${path} is empty: its content is lost`, {
      advice: 'for a new, empty database, move the file away and run `snailpass recreate-db`',
    })
  }
  if (id === null) throw damagedDatabaseError(path, 'it does not begin as a SQLite database does')
  // A log or journal beside the file can contain a newer header, and only SQLite can read that.
  const sides = listSideFiles(path)
  if (id === applicationId || id === 0 || sides.length > 0) {
    const inspection = inspectSqlite(path, options)
    const { problem, migrations } = inspection
    if (problem !== null) throw damagedDatabaseError(path, problem)
    if (inspection.applicationId === applicationId) return { content: 'ours', migrations }
    if (inspection.applicationId === 0 && isLegacySchema(inspection.columns)) {
      return { content: 'original', migrations }
    }
    if (inspection.applicationId === 0) requireNoForeignColumn(path, inspection.columns)
  }
  throw new DomainError('unavailable', `${path} is not a SnailPass database`, {
    hint: `${sides.length === 0 ? 'move that file away, or ' : ''}choose another location with --data-dir or SNAILPASS_DATABASE_URL`,
  })
}

function damagedDatabaseError(path: string, problem: string, cause?: unknown): LostDatabaseError {
  return new LostDatabaseError('damaged', `${path} is damaged: ${problem}`, {
    advice: 'check the disk',
    cause,
  })
}

/** Throws `unavailable` for a folder, a named pipe, a socket or a device. A missing file is none of these. */
export function requireRegularDatabaseFile(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  const kind = stats === undefined ? null : unusualFileKind(stats)
  if (kind === null) return
  throw new DomainError('unavailable', `${path} is ${kind}, not a database`, {
    hint: 'choose another location with --data-dir or SNAILPASS_DATABASE_URL',
  })
}

/** Throws `unavailable` if the file is missing. */
export function requireDatabaseFile(path: string): void {
  if (isFileMissing(path)) throw missingDatabaseError(path)
}

/** Like `inspectSqliteFile`, but returns why a database is lost. Throws if it can't be used for another reason. */
export function inspectUnlessLost(path: string): InspectedDatabase | LostDatabaseError {
  try {
    return inspectSqliteFile(path)
  } catch (error) {
    const translated = asSqliteError(path, error)
    if (translated instanceof LostDatabaseError) return translated
    throw translated
  }
}

/** A link to a missing file counts as present: its disk may just not be mounted, and a new database must not replace it. */
function isFileMissing(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined
}

/** Returns the names of the files that SQLite keeps beside a database file. */
export function sideFiles(database: string): readonly string[] {
  return [`${database}-wal`, `${database}-shm`, `${database}-journal`]
}

/** Returns the side files that exist. */
export function listSideFiles(database: string): readonly string[] {
  return sideFiles(database).filter((side) => existsSync(side))
}

/**
 * Copies a database, which may be in use, to the new file `target`, mode 0600. Returns once the copy is on the disk. Throws
 * system errors and SQLite errors, and leaves nothing of the copy then.
 */
export async function copyDatabaseFile(path: string, target: string): Promise<void> {
  copySqliteFile(path, target)
  try {
    await completeCopy(target)
    syncFile(target)
  } catch (error) {
    rmSync(target, { force: true })
    throw error
  }
  syncFolder(dirname(target))
}

async function completeCopy(path: string): Promise<void> {
  const { dialect, close } = openDraft(path)
  try {
    const db = new Kysely<Schema>({ dialect })
    // The original server, and our first versions, had no facts.
    if ((await db.introspection.getTables()).some(({ name }) => name === 'facts'))
      await forgetGeneration(db)
  } finally {
    close()
  }
}

/** Runs work on a database file. Errors of SQLite and of the system become DomainErrors with a hint; others pass unchanged. */
export async function translateSqliteErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asSqliteError(path, error)
  }
}

/** Returns what to throw for an error of work on a database file. */
function asSqliteError(path: string, error: unknown): unknown {
  switch (engineFault(error)) {
    case null:
      return asDomainErrorAt(path, error)
    case 'damaged':
      return damagedDatabaseError(path, String(error), error)
    default:
      return unusablePathError(path, error)
  }
}
