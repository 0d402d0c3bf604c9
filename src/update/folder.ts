import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DomainError, errorMessage } from '../domain/errors'
import { lockFile } from '../files/file-lock'
import { ensurePublicFolder } from '../service/files'

const lockName = 'lock'

/**
 * Runs `work` while this process has the folder for downloads to itself. The folder is empty then, and is removed afterwards;
 * one that a killed update has left is emptied. Throws `conflict` if another update has it, and `unavailable` in place of
 * system errors.
 */
export async function withUpdateFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    using _lock = openFolder(folder)
    try {
      return await work()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  } catch (error) {
    throw translateFileError(error, dirname(folder))
  }
}

function openFolder(folder: string): Disposable {
  ensurePublicFolder(dirname(folder))
  // Nobody else may change what was verified.
  const found = lstatSync(folder, { throwIfNoEntry: false })
  const isOurs = found?.isDirectory() === true && found.uid === process.getuid?.()
  if (!isOurs) rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const lock = lockFile(join(folder, lockName))
  if (lock === null) {
    throw new DomainError('conflict', 'another update is running', {
      hint: 'wait until it has ended; then run this again',
    })
  }
  for (const name of readdirSync(folder)) {
    if (name !== lockName) rmSync(join(folder, name), { recursive: true, force: true })
  }
  return { [Symbol.dispose]: () => lock.release() }
}

function translateFileError(error: unknown, parent: string): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error
  const isFull = 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
  return new DomainError('unavailable', `nothing was installed: ${errorMessage(error)}`, {
    hint: isFull
      ? `free 600 MB on the disk of ${parent}, and run this again`
      : `check the permissions of ${parent}`,
    cause: error,
  })
}
