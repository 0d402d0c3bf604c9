import { join } from 'node:path'
import { DomainError } from '../../domain/errors'
import { pollUntil, type Wait } from '../../domain/runtime'
import { acquireFileLock, asDomainErrorAt, createFolder } from '../../files/data-folder'
import { finishReplacement, isReplacementPending } from '../../files/file-replacement'

/** The files of the local certificate authority and of the certificate that it issued. Every key has mode 0600. */
export interface TlsFolder {
  readonly path: string
  readonly authorityCert: string
  readonly authorityKey: string
  /** Certificate, chain and key in one file, since two files can't be replaced at once. */
  readonly leaf: string
  readonly lock: string
}

export function tlsFolder(path: string): TlsFolder {
  return {
    path,
    authorityCert: join(path, 'ca.crt'),
    authorityKey: join(path, 'ca.key'),
    leaf: join(path, 'leaf.pem'),
    lock: join(path, '.lock'),
  }
}

/** How long to wait for another process that has the lock, and how often to retry. In milliseconds. */
const lockTimeout = 10_000
const pollInterval = 50

/**
 * Runs `work` while no other process works on the folder, which is created if it is missing. So if several servers start at
 * once, one creates the files and the others find them. A replacement of files that was interrupted is finished first. Throws `conflict` if another process holds the lock for too long,
 * and `unavailable` for an error of the file system.
 */
export async function withTlsFolderLock<T>(
  folder: TlsFolder,
  wait: Wait,
  work: () => Promise<T>,
): Promise<T> {
  return await translateTlsFolderErrors(folder.path, async () => {
    createFolder(folder.path)
    const lock = await pollUntil({ wait, timeout: lockTimeout, interval: pollInterval }, () =>
      acquireFileLock(folder.lock),
    )
    if (lock === null) {
      throw new DomainError('conflict', `another snailpass process is using ${folder.path}`, {
        hint: 'retry when it is done',
      })
    }
    try {
      finishReplacement(folder.path)
      return await work()
    } finally {
      lock.release()
    }
  })
}

/**
 * Like `withTlsFolderLock`, for a folder that exists, but returns null at once if another process holds the lock. Throws system
 * errors.
 */
export function tryWithTlsFolderLock<T>(
  { path, lock: lockPath }: TlsFolder,
  work: () => T,
): T | null {
  const lock = acquireFileLock(lockPath)
  if (lock === null) return null
  try {
    finishReplacement(path)
    return work()
  } finally {
    lock.release()
  }
}

/**
 * Finishes a replacement of files that was interrupted, for those who read the files without the lock. Leaves one that another
 * process is at. Throws system errors.
 */
export function settleTlsFolder(folder: TlsFolder): void {
  if (isReplacementPending(folder.path)) tryWithTlsFolderLock(folder, () => {})
}

/** Runs `work` and turns an error of the file system into `unavailable`, with the path in its message. */
export async function translateTlsFolderErrors<T>(
  path: string,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asDomainErrorAt(path, error)
  }
}
