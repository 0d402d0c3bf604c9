import type { Settings } from '../config/settings'
import { createAuditSigner } from '../crypto/audit-signer'
import { keyFingerprint } from '../crypto/key-fingerprint'
import type { AuditSigner } from '../domain/audit'
import { DomainError } from '../domain/errors'
import { type DataFolder, describeDataFolder } from '../files/data-folder'
import { createSecretKey, findSecretKey } from '../files/secret-key'
import type { KeyClaim, OpenedStore } from '../store/store'
import type { Targets } from './targets'

/** The key that the settings name, null where it is a file of the data folder. */
export function keyOfSettings({ secretKey }: Settings): Uint8Array | null {
  return secretKey === null ? null : new TextEncoder().encode(secretKey.reveal())
}

/** Returns the key that a server with these targets uses: that of the settings, else that of the data folder, else null. */
export function findServerKey({ settings, folder }: Targets): Uint8Array | null {
  return keyOfSettings(settings) ?? findSecretKey(folder)
}

/**
 * The secret key that the servers of this database share, made when neither the database nor the data folder
 * knows one; `made` says so, and `before` what the database held before it had one. Throws `unavailable` for
 * another key than theirs: it would end every session at this server, and its own at every other.
 */
export async function requireSecretKey(
  store: OpenedStore,
  targets: Targets,
): Promise<{ key: Uint8Array; isNew: boolean; previousContent: KeyClaim['existing'] }> {
  const { settings, folder, runtime } = targets
  const configured = findServerKey(targets)
  if (configured === null && (await store.findKeyFingerprint()) !== null) {
    throw new DomainError(
      'unavailable',
      `the secret key of this database is not in ${describeDataFolder(folder)}`,
      {
        hint: keyMismatchHint,
      },
    )
  }
  const key = configured ?? createSecretKey(folder, runtime.random)
  const fingerprint = keyFingerprint(key)
  const claim = { fingerprint, signer: createAuditSigner(key), time: runtime.clock() }
  const claimed = await store.claimKeyFingerprint(claim)
  if (claimed.fingerprint !== fingerprint) {
    const source = settings.secretKey === null ? folder.secretKey : 'SNAILPASS_SECRET_KEY'
    throw new DomainError(
      'unavailable',
      `the database belongs to another secret key than ${source}`,
      {
        hint: keyMismatchHint,
      },
    )
  }
  return { key, isNew: configured === null, previousContent: claimed.existing }
}

const keyMismatchHint =
  'use the key that its other servers use: their secret.key or SNAILPASS_SECRET_KEY; if that is lost, `snailpass key rotate` gives the database a new one, and everybody signs in again'

/**
 * What a command signs the audit trail of a database with this fingerprint with. Null for one that has had no server
 * yet: its first one signs then, for the key that lies here need not be the one that it is given. Throws `unavailable`
 * where the key is not at hand: a change that the trail can't tell of is not made.
 */
export function auditSignerFor(targets: Targets, fingerprint: string | null): AuditSigner | null {
  if (fingerprint === null) return null
  const key = findServerKey(targets)
  if (key !== null && keyFingerprint(key) === fingerprint) return createAuditSigner(key)
  const message =
    key === null
      ? `the secret key of this database is not in ${describeDataFolder(targets.folder)}, and the audit trail is signed with it`
      : 'the database belongs to another secret key than the one here, which signs the audit trail'
  throw new DomainError('unavailable', message, {
    hint: 'run this with the settings of the server and as its user or root, so that it finds secret.key or SNAILPASS_SECRET_KEY; if the key is lost, `snailpass key rotate` gives the database a new one',
  })
}

/** The keys that a text may be: one that the settings name is the text itself, that of a data folder is written in it. */
export function parseKeyCandidates(text: string): readonly Uint8Array[] {
  return [new TextEncoder().encode(text), Buffer.from(text, 'base64url')]
}

/** The key of a folder, null also for one that cannot be read: what a rotation is there to mend. */
export function findReadableKey(folder: DataFolder): Uint8Array | null {
  try {
    return findSecretKey(folder)
  } catch (error) {
    if (error instanceof DomainError) return null
    throw error
  }
}
