import { createAuditSigner } from '../../crypto/audit-signer'
import { keyFingerprint } from '../../crypto/key-fingerprint'
import { requireAdopted } from '../../database/database'
import { type AuditSigner, operatorEvent } from '../../domain/audit'
import { DomainError } from '../../domain/errors'
import { newSessionEpoch } from '../../domain/sessions'
import { type DataFolder, ensureDataFolder } from '../../files/data-folder'
import { generateSecretKey } from '../../files/secret-key'
import { appendEvents } from '../../store/audit/append'
import { assessAuditChain, describeFindings, resignLog } from '../../store/audit/resign'
import { findKeyFingerprint, replaceKeyFingerprint } from '../../store/key-fingerprint'
import { endAllSessions } from '../../store/sessions'
import { withSecretRollback } from '../secret-files'
import { findReadableKey, keyOfSettings, parseKeyCandidates } from '../secret-key'
import type { Targets } from '../targets'

export interface RotationOptions {
  /** The key until now, as its file or its setting has it, where it is not the one in the data folder. */
  readonly oldKey: string | null
  /** Whether to go on with an audit trail that is not as it was written. */
  readonly acceptBroken: boolean
}

export interface RotationResult {
  /** The file that the new key is in; null where the settings name it. */
  readonly path: string | null
  /** What was found of the audit trail, in words. */
  readonly auditFindings: string
}

/**
 * Gives the database a new secret key: the one of the settings, else a new one in the data folder. All sessions end. The
 * audit trail is proven under the key until now, signed anew under the new one, and tells of it; a broken one is
 * refused, unless it is accepted, for it could not be told from a whole one afterwards. Where the key until now is lost
 * nothing can be proven, and the trail tells of that: losing a key must not cost the server. Throws a DomainError.
 */
export async function rotateKey(
  targets: Targets,
  { oldKey, acceptBroken }: RotationOptions = { oldKey: null, acceptBroken: false },
): Promise<RotationResult> {
  const { settings, runtime, folder, database } = targets
  return await database.withExclusive({ create: false }, async (exclusive) => {
    requireAdopted(exclusive, database)
    const { db } = exclusive
    const configuredKey = keyOfSettings(settings)
    const fingerprint = await findKeyFingerprint(db)
    if (configuredKey !== null && fingerprint === keyFingerprint(configuredKey)) {
      throw new DomainError('conflict', 'SNAILPASS_SECRET_KEY is the key that the database has', {
        hint: 'set another one first, on every server of this database',
      })
    }
    const oldSigner = findOldSigner(fingerprint, oldKey, folder)
    const found = await assessAuditChain(db, oldSigner)
    if (found.state === 'broken' && !acceptBroken) {
      throw new DomainError('conflict', `the audit trail was tampered with: ${found.problem}`, {
        hint: 'look at `snailpass audit verify`, and keep a copy of the database. --accept-broken-trail goes on all the same, and the trail tells of it',
      })
    }

    ensureDataFolder(folder)
    const key = configuredKey ?? generateSecretKey(runtime.random)
    const signer = createAuditSigner(key)
    const epoch = newSessionEpoch(runtime.random)
    const auditFindings = await withSecretRollback(targets, { key, files: [] }, (writeKey) =>
      exclusive.transaction(async () => {
        const findings = describeFindings(await resignLog(db, { oldSigner, signer }))
        await replaceKeyFingerprint(db, keyFingerprint(key))
        await endAllSessions(db, epoch)
        const now = runtime.clock()
        const detail = `all sessions ended; the trail: ${findings}`
        const accepted =
          acceptBroken && found.recordedBreaks.length > 0
            ? [operatorEvent(now, 'trail-accepted', { detail: found.recordedBreaks.join('; ') })]
            : []
        const rotated = operatorEvent(now, 'key-rotated', { detail })
        await appendEvents(db, () => signer, [...accepted, rotated])
        await writeKey()
        return findings
      }),
    )
    return { path: configuredKey === null ? folder.secretKey : null, auditFindings }
  })
}

/**
 * What has signed the trail until now; null where that is not at hand. Throws `invalid` for a key that was named and is
 * another one.
 */
function findOldSigner(
  fingerprint: string | null,
  oldKeyText: string | null,
  folder: DataFolder,
): AuditSigner | null {
  const keys = oldKeyText === null ? [findReadableKey(folder)] : parseKeyCandidates(oldKeyText)
  const key = keys.find((each) => each !== null && keyFingerprint(each) === fingerprint)
  if (key !== undefined && key !== null) return createAuditSigner(key)
  if (oldKeyText === null) return null
  throw new DomainError('invalid', 'the database belongs to another key than --former-key names', {
    hint: 'name the file with the key that the database has; without the option the audit trail goes on unproven',
  })
}
