import type { Settings } from '../config/settings'
import { keyFingerprint } from '../crypto/key-fingerprint'
import { DomainError } from '../domain/errors'
import { type DataFolder, nameOf } from '../store/data-folder'
import { findSecretKey, makeSecretKey } from '../store/secret-key-file'
import type { OpenedStore } from '../store/store'
import type { World } from './world'

/** The key that the settings name, null where it is a file of the data folder. */
export function keyOfSettings({ secretKey }: Settings): Uint8Array | null {
  return secretKey === null ? null : new TextEncoder().encode(secretKey.reveal())
}

/**
 * The secret key that the servers of this database share, made when neither the database nor the data folder
 * knows one; `made` says so. Throws `unavailable` for another key than theirs: it would end every session at
 * this server, and its own at every other.
 */
export async function requireSecretKey(
  store: OpenedStore,
  settings: Settings,
  folder: DataFolder,
  { random }: World,
): Promise<{ key: Uint8Array; made: boolean }> {
  const configured = keyOfSettings(settings) ?? findSecretKey(folder)
  if (configured === null && (await store.findKeyFingerprint()) !== null) {
    throw new DomainError(
      'unavailable',
      `the secret key of this database is not in ${nameOf(folder)}`,
      {
        hint: whatToDo,
      },
    )
  }
  const key = configured ?? makeSecretKey(folder, random)
  if ((await store.claimKeyFingerprint(keyFingerprint(key))) !== keyFingerprint(key)) {
    const source = settings.secretKey === null ? folder.secretKey : 'SNAILPASS_SECRET_KEY'
    throw new DomainError(
      'unavailable',
      `the database belongs to another secret key than ${source}`,
      {
        hint: whatToDo,
      },
    )
  }
  return { key, made: configured === null }
}

const whatToDo =
  'use the key that its other servers use: their secret.key or SNAILPASS_SECRET_KEY; if that is lost, `snailpass key rotate` gives the database a new one, and everybody signs in again'
