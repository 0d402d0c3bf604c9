import { rmSync } from 'node:fs'
import type { Settings } from '../config/settings'
import type { DataFolder } from '../store/data-folder'
import {
  findSecretFiles,
  putSecretFiles,
  removeSecretFiles,
  type SecretFile,
} from '../store/secret-files'
import { putSecretKey } from '../store/secret-key-file'
import { keyOfSettings, readableKey } from './secret-key'

/**
 * Does work that puts a secret key and other files that are secret into the data folder right before it commits; those that lay
 * there come back when the work fails. The files first: whatever ends this half-way, the same command sets it right.
 */
export async function withSecrets<T>(
  folder: DataFolder,
  { key, files }: { readonly key: Uint8Array | null; readonly files: readonly SecretFile[] },
  settings: Settings,
  work: (put: () => void) => Promise<T>,
): Promise<T> {
  const ofFolder = keyOfSettings(settings) === null ? key : null
  if (ofFolder === null && files.length === 0) return await work(() => {})
  const former = { key: readableKey(folder), files: findSecretFiles(folder) }
  let isPut = false
  try {
    return await work(() => {
      isPut = true
      if (ofFolder !== null) putSecretKey(folder, ofFolder)
      putSecretFiles(folder, files)
    })
  } catch (error) {
    if (!isPut) throw error
    if (ofFolder !== null && former.key !== null) putSecretKey(folder, former.key)
    if (ofFolder !== null && former.key === null) rmSync(folder.secretKey, { force: true })
    removeSecretFiles(folder, files)
    putSecretFiles(folder, former.files)
    throw error
  }
}
