import { existsSync } from 'node:fs'
import { removeDurably } from '../files/atomic-file'
import type { DataFolder } from '../files/data-folder'
import {
  completePairs,
  type KeyFile,
  listKeyFiles,
  removeKeyFiles,
  writeKeyFiles,
} from '../files/key-files'
import { writeSecretKey } from '../files/secret-key'
import { tlsFolder, withTlsFolderLock } from '../tls/local/folder'
import { findReadableKey, keyOfSettings } from './secret-key'
import type { Targets } from './targets'

/**
 * Returns the key files that go into a backup with secrets: those of complete pairs. Throws `unavailable` for a file that
 * can't be read, `conflict` if another process keeps the folder locked.
 */
export async function listSecretFiles(targets: Targets): Promise<readonly KeyFile[]> {
  return await withTlsLock(targets, () => completePairs(listKeyFiles(targets.folder)))
}

/** Runs work while no server or command changes certificates. */
async function withTlsLock<T>({ folder, runtime }: Targets, work: () => T): Promise<T> {
  const tls = tlsFolder(folder.tls)
  // Without a lock file, no certificate was ever created here.
  if (!existsSync(tls.lock)) return work()
  return await withTlsFolderLock(tls, runtime.wait, async () => work())
}

/** Secrets that are to replace those of the data folder. */
export interface NewSecrets {
  /** Null to keep the old one. Not written if the settings contain the key. */
  readonly key: Uint8Array | null
  readonly files: readonly KeyFile[]
}

/**
 * Runs work that calls `writeSecrets` right before it commits to the database. If the work fails afterwards, the old
 * secrets are restored. Secrets are written before the commit, so that a command that is killed between the two can be
 * repaired by running it again.
 */
export async function withSecretRollback<T>(
  targets: Targets,
  { key, files }: NewSecrets,
  work: (writeSecrets: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { settings, folder } = targets
  const keyForFolder = keyOfSettings(settings) === null ? key : null
  if (keyForFolder === null && files.length === 0) return await work(async () => {})
  const oldKey = findReadableKey(folder)
  let oldFiles: readonly KeyFile[] | null = null
  let isWritten = false
  try {
    return await work(async () => {
      isWritten = true
      if (keyForFolder !== null) writeSecretKey(folder, keyForFolder)
      if (files.length === 0) return
      await withTlsLock(targets, () => {
        oldFiles = listKeyFiles(folder)
        writeKeyFiles(folder, files)
      })
    })
  } catch (error) {
    if (!isWritten) throw error
    if (keyForFolder !== null) restoreSecretKey(folder, oldKey)
    if (oldFiles !== null) await restoreKeyFiles(targets, { written: files, oldFiles })
    throw error
  }
}

function restoreSecretKey(folder: DataFolder, oldKey: Uint8Array | null): void {
  if (oldKey === null) removeDurably(folder.secretKey)
  else writeSecretKey(folder, oldKey)
}

async function restoreKeyFiles(
  targets: Targets,
  { written, oldFiles }: { written: readonly KeyFile[]; oldFiles: readonly KeyFile[] },
): Promise<void> {
  const { folder } = targets
  const isNew = ({ name }: KeyFile) => !oldFiles.some((file) => file.name === name)
  await withTlsLock(targets, () => {
    // Removes only files that are new: on a full disk, an old one could not be written again.
    removeKeyFiles(folder, written.filter(isNew))
    writeKeyFiles(folder, oldFiles)
  })
}
