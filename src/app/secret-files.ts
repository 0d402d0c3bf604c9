import { existsSync, rmSync } from 'node:fs'
import type { Wait } from '../domain/runtime'
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

/** The files that go with the secrets of an archive, where each has what belongs to it. Throws a DomainError. */
export async function listSecretFiles({ folder, runtime }: Targets): Promise<readonly KeyFile[]> {
  return await withTlsLock(folder, runtime.wait, () => completePairs(listKeyFiles(folder)))
}

/** Works on such files while no server or command makes others. */
async function withTlsLock<T>(folder: DataFolder, wait: Wait, work: () => T): Promise<T> {
  const tls = tlsFolder(folder.tls)
  // Nobody has made any there.
  if (!existsSync(tls.lock)) return work()
  return await withTlsFolderLock(tls, wait, async () => work())
}

/**
 * Does work that puts a secret key and other files that are secret into the data folder right before it commits; those that lay
 * there come back when the work fails. The files first: whatever ends this half-way, the same command sets it right.
 */
export async function withSecretRollback<T>(
  { settings, folder, runtime: { wait } }: Targets,
  { key, files }: { readonly key: Uint8Array | null; readonly files: readonly KeyFile[] },
  work: (writeSecrets: () => Promise<void>) => Promise<T>,
): Promise<T> {
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
      await withTlsLock(folder, wait, () => {
        oldFiles = listKeyFiles(folder)
        writeKeyFiles(folder, files)
      })
    })
  } catch (error) {
    if (!isWritten) throw error
    if (keyForFolder !== null && oldKey !== null) writeSecretKey(folder, oldKey)
    if (keyForFolder !== null && oldKey === null) rmSync(folder.secretKey, { force: true })
    if (oldFiles !== null) await restoreSecretFiles(folder, wait, { files, oldFiles })
    throw error
  }
}

async function restoreSecretFiles(
  folder: DataFolder,
  wait: Wait,
  { files, oldFiles }: { files: readonly KeyFile[]; oldFiles: readonly KeyFile[] },
): Promise<void> {
  const isNew = ({ name }: KeyFile) => !oldFiles.some((file) => file.name === name)
  await withTlsLock(folder, wait, () => {
    // Those alone that were not there: a full disk would let nothing come back.
    removeKeyFiles(folder, files.filter(isNew))
    writeKeyFiles(folder, oldFiles)
  })
}
