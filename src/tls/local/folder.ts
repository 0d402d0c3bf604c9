import { join } from 'node:path'
import { DomainError } from '../../domain/errors'
import type { Wait } from '../../domain/runtime'
import { acquireFileLock, asDomainErrorAt, createFolder } from '../../files/data-folder'

/** Where what is made here lies. Every key is mode 0600. */
export interface TlsFolder {
  readonly path: string
  readonly authorityCert: string
  readonly authorityKey: string
  /** Certificate, chain and key in one file: two could not change at once. */
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

/** How long one waits for another who is at work there, and how often is looked, in milliseconds. */
const lockTimeout = 10_000
const pollInterval = 50

/**
 * Works on the folder, made when it is missing, while nobody else does: of several servers one makes what the others find.
 * Throws `conflict` when another one takes too long, and `unavailable` when the system refuses.
 */
export async function withTlsFolderLock<T>(
  folder: TlsFolder,
  wait: Wait,
  work: () => Promise<T>,
): Promise<T> {
  return await translateTlsFolderErrors(folder.path, async () => {
    createFolder(folder.path)
    for (let waited = 0; waited < lockTimeout; waited += pollInterval) {
      const lock = acquireFileLock(folder.lock)
      if (lock === null) {
        await wait(pollInterval)
        continue
      }
      try {
        return await work()
      } finally {
        lock.release()
      }
    }
    throw new DomainError('conflict', `another snailpass is at work in ${folder.path}`, {
      hint: 'try again when it is done',
    })
  })
}

/** Says of what the system refuses which path it was about. */
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
