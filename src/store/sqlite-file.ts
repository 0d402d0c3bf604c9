import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readSync,
} from 'node:fs'
import { DomainError } from '../domain/errors'
import { engineFault } from '../engine/faults'
import { applicationId, inspectSqlite, type SqliteInspection } from '../engine/sqlite'
import { isSystemFault, unusable } from './data-folder'
import { isOriginal } from './original-tables'

/** Reads the header by itself: SQLite would change a stranger's file by opening it our way. Throws `unavailable`. */
export function contentOf(path: string): 'ours' | 'original' {
  // What an interrupted transaction has written of the header is undone by SQLite alone.
  if (existsSync(`${path}-journal`)) inspect(path)
  const header = new Uint8Array(72)
  // SQLite would open a file that it may not write all the same, and fail at the first write.
  accessSync(path, constants.R_OK | constants.W_OK)
  const descriptor = openSync(path, 'r')
  const length = readSync(descriptor, header, 0, header.length, 0)
  closeSync(descriptor)
  if (length === 0) {
    throw new DomainError('unavailable', `${path} is empty: what it held is lost`, {
      hint: `${putBack(path)}; only for a new start, move the empty file away`,
    })
  }
  const magic = new TextDecoder('latin1').decode(header.subarray(0, 16))
  const id = new DataView(header.buffer).getUint32(68)
  if (magic === 'SQLite format 3\0' && length === header.length) {
    if (id === applicationId) return 'ours'
    if (id === 0 && isOriginal(inspect(path).columns)) return 'original'
  }
  throw new DomainError('unavailable', `${path} is not a SnailPass database`, {
    hint: 'move that file away, or name another place with --data-dir or SNAILPASS_DATABASE_URL',
  })
}

export function inspect(path: string): SqliteInspection {
  const inspection = inspectSqlite(path)
  if (inspection.complaint !== null) throw damaged(path, inspection.complaint)
  return inspection
}

function damaged(path: string, complaint: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', `${path} is damaged: ${complaint}`, {
    hint: `${putBack(path)}, and look after the disk; nothing was changed`,
    cause,
  })
}

/** What an operator does for a lost database. A log that stays would replay itself over the copy, unseen. */
function putBack(path: string): string {
  const logs = sideFiles(path).filter((side) => existsSync(side))
  const first = logs.length === 0 ? '' : `move ${logs.join(' and ')} away, then `
  return `${first}put a copy of the database back`
}

/** Throws `unavailable` when the file is missing, before anything is made beside it. */
export function requireFile(path: string): void {
  if (isMissing(path)) throw missing(path)
}

/** A link whose target is away, on a disk that is not mounted, is no missing database to be made anew. */
export function isMissing(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined
}

export function missing(path: string): DomainError {
  return new DomainError('unavailable', `there is no database at ${path}`, {
    hint: 'name the right one with --data-dir or SNAILPASS_DATABASE_URL; a new one is made by `snailpass serve`, with --create where a URL names it',
  })
}

/** What SQLite keeps beside a database file. */
export function sideFiles(database: string): readonly string[] {
  return [`${database}-wal`, `${database}-shm`, `${database}-journal`]
}

/** Faults of the engine and of the file system become refusals that say what to do; bugs stay bugs. */
export async function explain<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    switch (engineFault(error)) {
      case null:
        throw isSystemFault(error) ? unusable(path, error) : error
      case 'damaged':
        throw damaged(path, String(error), error)
      default:
        throw unusable(path, error)
    }
  }
}
