import { existsSync, rmSync } from 'node:fs'
import type { Settings } from '../config/settings'
import type { Wait } from '../domain/world'
import type { DataFolder } from '../store/data-folder'
import {
  findSecretFiles,
  putSecretFiles,
  removeSecretFiles,
  type SecretFile,
  wholeUnits,
} from '../store/secret-files'
import { putSecretKey } from '../store/secret-key-file'
import { alone, tlsFolder } from '../tls/tls-folder'
import { keyOfSettings, readableKey } from './secret-key'

/** The files that go with the secrets of an archive, where each has what belongs to it. Throws a DomainError. */
export async function secretFilesOf(
  folder: DataFolder,
  wait: Wait,
): Promise<readonly SecretFile[]> {
  return await unchanged(folder, wait, () => wholeUnits(findSecretFiles(folder)))
}

/** Works on such files while no server or command makes others. */
async function unchanged<T>(folder: DataFolder, wait: Wait, work: () => T): Promise<T> {
  const tls = tlsFolder(folder.tls)
  // Nobody has made any there.
  if (!existsSync(tls.lock)) return work()
  return await alone(tls, wait, async () => work())
}

/**
 * Does work that puts a secret key and other files that are secret into the data folder right before it commits; those that lay
 * there come back when the work fails. The files first: whatever ends this half-way, the same command sets it right.
 */
export async function withSecrets<T>(
  folder: DataFolder,
  { key, files }: { readonly key: Uint8Array | null; readonly files: readonly SecretFile[] },
  settings: Settings,
  wait: Wait,
  work: (put: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const ofFolder = keyOfSettings(settings) === null ? key : null
  if (ofFolder === null && files.length === 0) return await work(async () => {})
  const formerKey = readableKey(folder)
  let formerFiles: readonly SecretFile[] | null = null
  let isPut = false
  try {
    return await work(async () => {
      isPut = true
      if (ofFolder !== null) putSecretKey(folder, ofFolder)
      if (files.length === 0) return
      await unchanged(folder, wait, () => {
        formerFiles = findSecretFiles(folder)
        putSecretFiles(folder, files)
      })
    })
  } catch (error) {
    if (!isPut) throw error
    if (ofFolder !== null && formerKey !== null) putSecretKey(folder, formerKey)
    if (ofFolder !== null && formerKey === null) rmSync(folder.secretKey, { force: true })
    if (formerFiles !== null) await putBack(folder, wait, files, formerFiles)
    throw error
  }
}

async function putBack(
  folder: DataFolder,
  wait: Wait,
  files: readonly SecretFile[],
  former: readonly SecretFile[],
): Promise<void> {
  const isNew = ({ name }: SecretFile) => !former.some((file) => file.name === name)
  await unchanged(folder, wait, () => {
    // Those alone that were not there: a full disk would let nothing come back.
    removeSecretFiles(folder, files.filter(isNew))
    putSecretFiles(folder, former)
  })
}
