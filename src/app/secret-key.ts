import type { Settings } from '../config/settings'
import { createAuditSigner } from '../crypto/audit-signer'
import { createBackupSigner } from '../crypto/backup-signer'
import { keyFingerprint } from '../crypto/key-fingerprint'
import type { AuditSigner } from '../domain/audit'
import type { BackupSigner } from '../domain/backup-signer'
import { DomainError } from '../domain/errors'
import { type DataFolder, describeDataFolder } from '../files/data-folder'
import { createSecretKey, findNewSecretKey, findSecretKey } from '../files/secret-key'
import { newGeneration } from '../store/generation'
import type { KeyClaim, OpenedStore } from '../store/store'
import type { Targets } from './targets'

/** Returns the secret key that the settings contain, null if it is a file of the data folder. */
export function keyOfSettings({ secretKey }: Settings): Uint8Array | null {
  return secretKey === null ? null : new TextEncoder().encode(secretKey.reveal())
}

/**
 * Returns the secret key of the settings, else that of the data folder for a database with this fingerprint, else null. Throws
 * `unavailable` for a damaged file.
 */
export function findServerKey(
  { settings, folder }: Targets,
  fingerprint: string | null,
): Uint8Array | null {
  return keyOfSettings(settings) ?? findKeyOfFolder(folder, fingerprint)
}

/**
 * Returns the secret key of a data folder. If a command was killed while it replaced the key, there are two, and the database
 * has the fingerprint of one of them.
 */
function findKeyOfFolder(folder: DataFolder, fingerprint: string | null): Uint8Array | null {
  const fits = (key: Uint8Array | null) => key !== null && keyFingerprint(key) === fingerprint
  // Looked at first: it may take the place of the other one meanwhile.
  const [newKey, fault] = attempt(() => findNewSecretKey(folder))
  if (fits(newKey)) return newKey
  const key = findSecretKey(folder)
  if (fault !== null && !fits(key)) throw fault
  return key
}

/** Returns what `read` returns, or null with the DomainError that it throws. */
function attempt<T>(read: () => T): [T, null] | [null, DomainError] {
  try {
    return [read(), null]
  } catch (error) {
    if (error instanceof DomainError) return [null, error]
    throw error
  }
}

export interface ServerKey {
  readonly key: Uint8Array
  /** Whether the key was created just now. */
  readonly isNew: boolean
  /** What the database contained when it got its first key; null if it had one already. */
  readonly previousContent: KeyClaim['existing']
}

/**
 * Returns the secret key that all servers of this database share. Creates one if neither the database nor this server has
 * one. Throws `unavailable` if that key is missing here, or if another one is here: the other servers would refuse the
 * session tokens of this one, and this one theirs.
 */
export async function requireSecretKey(store: OpenedStore, targets: Targets): Promise<ServerKey> {
  const { settings, folder, runtime } = targets
  const present = await store.findKeyFingerprint()
  const existingKey = findServerKey(targets, present)
  if (existingKey === null && present !== null) {
    throw new DomainError(
      'unavailable',
      `the secret key of this database is not in ${describeDataFolder(folder)}`,
      { hint: keyMismatchHint },
    )
  }
  const key = existingKey ?? createSecretKey(folder, runtime.random)
  const fingerprint = keyFingerprint(key)
  const claim = {
    ...{ fingerprint, signer: createAuditSigner(key), time: runtime.clock() },
    generation: newGeneration(runtime.random),
  }
  const claimed = await store.claimKeyFingerprint(claim)
  if (claimed.fingerprint !== fingerprint) {
    const source = settings.secretKey === null ? folder.secretKey : 'SNAILPASS_SECRET_KEY'
    throw new DomainError('unavailable', `${source} is not the secret key of this database`, {
      hint: keyMismatchHint,
    })
  }
  return { key, isNew: existingKey === null, previousContent: claimed.existing }
}

const keyMismatchHint =
  'use the key of its other servers: their secret.key or SNAILPASS_SECRET_KEY; if it is lost, `snailpass key rotate` sets a new one, and everyone has to sign in again'

/**
 * Returns the signer with which a command signs the audit log of a database with this key fingerprint. Returns null if no
 * server has used the database yet: its first server signs, perhaps with another key than the one that is here. Throws
 * `unavailable` if the key is not here: changes that the audit log can't record are refused.
 */
export function auditSignerFor(targets: Targets, fingerprint: string | null): AuditSigner | null {
  if (fingerprint === null) return null
  const key = findServerKey(targets, fingerprint)
  if (key !== null && keyFingerprint(key) === fingerprint) return createAuditSigner(key)
  const message =
    key === null
      ? `the secret key of this database is not in ${describeDataFolder(targets.folder)}, and the audit log is signed with it`
      : "the secret key here does not match the database, so it can't sign the audit log"
  throw new DomainError('unavailable', message, {
    hint: 'run this with the settings of the server and as its user or root, so that it finds secret.key or SNAILPASS_SECRET_KEY; if the key is lost, `snailpass key rotate` sets a new one',
  })
}

/**
 * Returns the signer of backups with the secret key that is here, with this fingerprint if there are two; null if there is none
 * that can be read.
 */
export function findBackupSigner(
  { settings, folder }: Targets,
  fingerprint: string | null,
): BackupSigner | null {
  const key = keyOfSettings(settings) ?? findReadableKey(folder, fingerprint)
  return key === null ? null : createBackupSigner(key)
}

/** Returns the keys that a text may mean: the text itself, as in the settings, or its base64url form, as in secret.key. */
export function parseKeyCandidates(text: string): readonly Uint8Array[] {
  return [new TextEncoder().encode(text), Buffer.from(text, 'base64url')]
}

/** Returns the key of a data folder, null also for a file that can't be read: `key rotate` has to replace that too. */
export function findReadableKey(folder: DataFolder, fingerprint: string | null): Uint8Array | null {
  return attempt(() => findKeyOfFolder(folder, fingerprint))[0]
}

/** Returns the new key of a data folder, null also for a file that can't be read. */
export function findReadableNewKey(folder: DataFolder): Uint8Array | null {
  return attempt(() => findNewSecretKey(folder))[0]
}
