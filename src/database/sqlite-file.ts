import { accessSync, constants, existsSync, lstatSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { engineFault } from '../engine/faults'
import { applicationId, inspectSqlite, readSqliteHeader } from '../engine/sqlite/inspect'
import { asDomainErrorAt, unusablePathError } from '../files/data-folder'
import { isLegacySchema } from './legacy-tables'

/** What is known of a database file that can be worked on. */
export interface SqliteFileInspection {
  readonly content: 'ours' | 'original'
  /** Names of the migrations that have run, in their order. */
  readonly migrations: readonly string[]
}

/**
 * Looks whose database a file is, and whether it is sound. A stranger's is not opened: SQLite would change it.
 * Throws `unavailable`, with what to do, for one that is damaged, empty, or somebody else's.
 */
export function inspectSqliteFile(path: string): SqliteFileInspection {
  // SQLite opens a file that it may not write, and fails at the first write.
  accessSync(path, constants.R_OK | constants.W_OK)
  const { isEmpty, applicationId: id } = readSqliteHeader(path)
  if (isEmpty) {
    throw new DomainError('unavailable', `${path} is empty: what it held is lost`, {
      hint: `${restoreHint(path)}; only for a new start, move the empty file away`,
    })
  }
  // A log or a journal beside it may say otherwise than the header, and SQLite alone can read them.
  const sides = sideFiles(path).filter((side) => existsSync(side))
  if (id === applicationId || id === 0 || (id !== null && sides.length > 0)) {
    const inspection = inspectSqlite(path)
    const { problem, migrations } = inspection
    if (problem !== null) throw damagedDatabaseError(path, problem)
    if (inspection.applicationId === applicationId) return { content: 'ours', migrations }
    if (inspection.applicationId === 0 && isLegacySchema(inspection.columns)) {
      return { content: 'original', migrations }
    }
  }
  throw new DomainError('unavailable', `${path} is not a SnailPass database`, {
    hint: `${sides.length === 0 ? 'move that file away, or ' : ''}name another place with --data-dir or SNAILPASS_DATABASE_URL`,
  })
}

function damagedDatabaseError(path: string, problem: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', `${path} is damaged: ${problem}`, {
    hint: `${restoreHint(path)}, and look after the disk; nothing was changed`,
    cause,
  })
}

/** What an operator does for a lost database. A log that stays would replay itself over the copy, unseen. */
function restoreHint(path: string): string {
  const logs = sideFiles(path).filter((side) => existsSync(side))
  const first = logs.length === 0 ? '' : `move ${logs.join(' and ')} away, then `
  return `${first}put a copy of the database back`
}

/** Throws `unavailable` when the file is missing, before anything is made beside it. */
export function requireDatabaseFile(path: string): void {
  if (isFileMissing(path)) throw missingDatabaseError(path)
}

/** A link whose target is away, on a disk that is not mounted, is no missing database to be made anew. */
export function isFileMissing(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined
}

export function missingDatabaseError(path: string): DomainError {
  return new DomainError('unavailable', `there is no database at ${path}`, {
    hint: 'name the right one with --data-dir or SNAILPASS_DATABASE_URL; a new one is made by `snailpass serve`, with --create where a URL names it',
  })
}

/** What SQLite keeps beside a database file. */
export function sideFiles(database: string): readonly string[] {
  return [`${database}-wal`, `${database}-shm`, `${database}-journal`]
}

/** Faults of the engine and of the file system become refusals that say what to do; bugs stay bugs. */
export async function translateSqliteErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    switch (engineFault(error)) {
      case null:
        throw asDomainErrorAt(path, error)
      case 'damaged':
        throw damagedDatabaseError(path, String(error), error)
      default:
        throw unusablePathError(path, error)
    }
  }
}
