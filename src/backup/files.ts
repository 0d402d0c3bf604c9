import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DomainError } from '../domain/errors'
import type { Clock, Wait } from '../domain/runtime'
import { syncFile } from '../files/atomic-file'
import { acquireFileLock, createFolder } from '../files/data-folder'
import type { FileLock } from '../files/file-lock'
import { translateBackupErrors } from './faults'

/** An archive that is not finished, or not proven yet, has this behind its name. */
const partialSuffix = '.partial'

/** Files of ours in a folder of archives. */
const backupFilePattern = /^snailpass-.*\.sqlite(?:\.age)?(?:\.partial)?$/

/** How long one that makes an archive waits for another one in the same folder, in milliseconds, and how often it looks. */
const lockTimeout = 60_000
const pollInterval = 250

/** Where an archive is to lie. */
export interface BackupDestination {
  readonly folder: string
  /** Null: a name is made of the time. */
  readonly name: string | null
}

/** What `--to` names: a folder that is there or ends in a slash, or a file that is to be made. */
export function destinationAt(path: string): BackupDestination {
  const isFolder = path.endsWith('/') || (existsSync(path) && statSync(path).isDirectory())
  return isFolder ? { folder: path, name: null } : { folder: dirname(path), name: basename(path) }
}

/** A name that tells when an archive was made, to the second, and from before what. */
export function backupFileName(
  clock: Clock,
  { before, isEncrypted }: { before: string | null; isEncrypted: boolean },
): string {
  const time = new Date(clock()).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const what = before === null ? '' : `before-${before}-`
  return `snailpass-${what}${time}.sqlite${isEncrypted ? '.age' : ''}`
}

/** Whether a file has a name as archives get that nobody named, and that are from before nothing. */
export function isDefaultBackupName(name: string): boolean {
  return /^snailpass-\d{8}T\d{6}Z(?:-\d+)?\.sqlite(?:\.age)?$/.test(name)
}

/** When an archive was made, by its name: milliseconds since 1970 (UTC), null for a name that does not tell. */
export function parseBackupTime(name: string): number | null {
  const groups = /(?<date>\d{4}-?\d\d-?\d\d)T(?<hour>\d\d)(?<minute>\d\d)(?<second>\d\d)Z/.exec(
    name,
  )?.groups
  if (groups === undefined) return null
  const date = (groups['date'] ?? '').replace(/(\d{4})(\d\d)(\d\d)/, '$1-$2-$3')
  const time = Date.parse(`${date}T${groups['hour']}:${groups['minute']}:${groups['second']}Z`)
  return Number.isNaN(time) ? null : time
}

/**
 * Has a file made at a place, whole or not at all: `make` writes it under the name that it is given, and only when that
 * went well, and the file is on the disk, it gets its own name. Answers its path. Two are not made in one folder at the
 * same time, so whatever is found there half-made is the rest of one that died. Throws `conflict` when the name is
 * taken, or when another one goes on for too long.
 */
export async function createBackupFile(
  destination: BackupDestination,
  defaultName: () => string,
  wait: Wait,
  write: (draft: string) => Promise<void>,
): Promise<string> {
  const { folder } = destination
  return await translateBackupErrors(folder, 'written', async () => {
    createFolder(folder)
    const lock = await lockFolder(folder, wait)
    try {
      for (const name of readdirSync(folder)) {
        if (backupFilePattern.test(name) && name.endsWith(partialSuffix))
          removeDraft(join(folder, name))
      }
      const path = join(folder, unusedName(destination, defaultName()))
      const draft = path + partialSuffix
      await withDraftRemoved(draft, async () => {
        await write(draft)
        renameSync(draft, path)
      })
      syncFile(folder)
      return path
    } finally {
      lock.release()
    }
  })
}

/**
 * Lends the path of a file in the data folder for what must not lie elsewhere in the plain, and takes it away again
 * whatever happens; what a run left that was killed goes with the next one.
 */
export async function withUnencryptedDraft<T>(
  folder: string,
  work: (draft: string) => Promise<T>,
): Promise<T> {
  createFolder(folder)
  for (const name of readdirSync(folder)) {
    if (backupFilePattern.test(name) && name.endsWith(partialSuffix))
      removeAbandonedDraft(join(folder, name))
  }
  const draft = join(folder, `snailpass-${crypto.randomUUID()}.sqlite${partialSuffix}`)
  // Held before there is a draft, so one whose lock can be had belongs to nobody.
  const lock = acquireFileLock(`${draft}.lock`)
  try {
    return await withDraftRemoved(draft, () => work(draft))
  } finally {
    lock?.release()
  }
}

function removeAbandonedDraft(draft: string): void {
  const lock = acquireFileLock(`${draft}.lock`)
  if (lock === null) return
  removeDraft(draft)
  lock.release()
}

/** The archives in a folder, whole or not, by their names; none where there is no such folder. */
export function listBackupFiles(folder: string): readonly { path: string; isPartial: boolean }[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => backupFilePattern.test(name))
    .sort()
    .map((name) => ({ path: join(folder, name), isPartial: name.endsWith(partialSuffix) }))
}

/** Does work on a draft, and takes away what then lies there; also when the process exits meanwhile. */
async function withDraftRemoved<T>(draft: string, work: () => Promise<T>): Promise<T> {
  const remove = () => removeDraft(draft)
  process.once('exit', remove)
  try {
    return await work()
  } finally {
    process.off('exit', remove)
    remove()
  }
}

/** Takes a draft away, with its lock and what SQLite may have left beside it. */
function removeDraft(path: string): void {
  for (const file of [path, `${path}-journal`, `${path}-wal`, `${path}-shm`, `${path}.lock`]) {
    rmSync(file, { force: true })
  }
}

function unusedName({ folder, name }: BackupDestination, now: string): string {
  if (name === null) {
    for (let turn = 1; ; turn++) {
      const tried = turn === 1 ? now : now.replace('.sqlite', `-${turn}.sqlite`)
      if (!existsSync(join(folder, tried))) return tried
    }
  }
  if (!existsSync(join(folder, name))) return name
  throw new DomainError('conflict', `${join(folder, name)} is there already`, {
    hint: 'name another file, or a folder: the archive gets a name of its own there',
  })
}

/** The kernel releases it when the process ends, however it ends. */
async function lockFolder(folder: string, wait: Wait): Promise<FileLock> {
  for (let waited = 0; ; waited += pollInterval) {
    const lock = acquireFileLock(join(folder, '.snailpass.lock'))
    if (lock !== null) return lock
    if (waited >= lockTimeout) {
      throw new DomainError('conflict', `another archive is being made in ${folder}`, {
        hint: 'let it finish, or name another folder with --to',
      })
    }
    await wait(pollInterval)
  }
}
