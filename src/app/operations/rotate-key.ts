import { createAuditSigner } from '../../crypto/audit-signer'
import { keyFingerprint } from '../../crypto/key-fingerprint'
import { type ExclusiveDatabase, requireAdopted } from '../../database/database'
import { type AuditSigner, operatorEvent } from '../../domain/audit'
import { DomainError } from '../../domain/errors'
import { newSessionEpoch } from '../../domain/sessions'
import { type DataFolder, ensureDataFolder } from '../../files/data-folder'
import { generateSecretKey } from '../../files/secret-key'
import { appendEvents } from '../../store/audit/append'
import {
  type AuditChainFindings,
  assessAuditChain,
  describeFindings,
  resignLog,
} from '../../store/audit/resign'
import { findKeyFingerprint, replaceKeyFingerprint } from '../../store/key-fingerprint'
import { endAllSessions } from '../../store/sessions'
import { withNewSecrets } from '../secret-files'
import { findReadableKey, keyOfSettings, parseKeyCandidates } from '../secret-key'
import type { Targets } from '../targets'

export interface RotationOptions {
  /** The old key, as it is in its file or setting; null for the one in the data folder. */
  readonly oldKey: string | null
  /** Whether to continue with an audit log that was tampered with. */
  readonly acceptBroken: boolean
}

export interface RotationResult {
  /** The file with the new key; null if the settings contain it. */
  readonly path: string | null
  /** What was found in the audit log, for people. */
  readonly auditFindings: string
}

/**
 * Gives the database a new secret key: that of the settings, else a new one in the data folder. Signs out everyone.
 *
 * The audit log is verified under the old key, signed again under the new one, and records that. A log that was tampered
 * with is refused unless `acceptBroken` is set: once signed, it can't be distinguished from an intact one. If the old key is
 * lost, nothing can be verified, and the log records that: a lost key must not cost the server. Throws a DomainError.
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
      throw new DomainError(
        'conflict',
        'the database already has the key in SNAILPASS_SECRET_KEY',
        {
          hint: 'set a new key first, on every server of this database',
        },
      )
    }
    const oldSigner = findOldSigner(fingerprint, oldKey, folder)
    const found = await assessAuditChain(db, oldSigner)
    if (!acceptBroken) requireNotBroken(found)

    ensureDataFolder(folder)
    const key = configuredKey ?? generateSecretKey(runtime.random)
    const secrets = { key, files: [] }
    const auditFindings = await withNewSecrets(targets, { db, secrets }, (stage) =>
      exclusive.transaction(async () => {
        await endAllSessions(db, newSessionEpoch(runtime.random))
        await replaceKeyFingerprint(db, keyFingerprint(key))
        const findings = await resignAndRecord(exclusive, {
          oldSigner,
          signer: createAuditSigner(key),
          acceptedBreaks: acceptBroken ? found.recordedBreaks : [],
          now: runtime.clock(),
        })
        await stage()
        return findings
      }),
    )
    return { path: configuredKey === null ? folder.secretKey : null, auditFindings }
  })
}

function requireNotBroken({ state, problem }: AuditChainFindings): void {
  if (state !== 'broken') return
  throw new DomainError('conflict', `the audit log was tampered with: ${problem}`, {
    hint: 'run `snailpass audit verify`, and keep a copy of the database; --accept-broken-trail rotates the key anyway, and the audit log records that',
  })
}

/** Returns what was found in the audit log, for people. */
async function resignAndRecord(
  { db }: ExclusiveDatabase,
  options: {
    oldSigner: AuditSigner | null
    signer: AuditSigner
    acceptedBreaks: readonly string[]
    now: number
  },
): Promise<string> {
  const { oldSigner, signer, acceptedBreaks, now } = options
  const findings = describeFindings(await resignLog(db, { oldSigner, signer }))
  const accepted =
    acceptedBreaks.length > 0
      ? [operatorEvent(now, 'trail-accepted', { detail: acceptedBreaks.join('; ') })]
      : []
  const detail = `all sessions ended; the trail: ${findings}`
  await appendEvents(db, () => signer, [...accepted, operatorEvent(now, 'key-rotated', { detail })])
  return findings
}

/**
 * Returns the signer with the old key, null if that key is not here. Throws `invalid` if a key was given that is not that of
 * the database.
 */
function findOldSigner(
  fingerprint: string | null,
  oldKeyText: string | null,
  folder: DataFolder,
): AuditSigner | null {
  const keys =
    oldKeyText === null ? [findReadableKey(folder, fingerprint)] : parseKeyCandidates(oldKeyText)
  const key = keys.find((each) => each !== null && keyFingerprint(each) === fingerprint)
  if (key !== undefined && key !== null) return createAuditSigner(key)
  if (oldKeyText === null) return null
  throw new DomainError('invalid', 'the key in --former-key does not match the database', {
    hint: 'use the file with the current key of the database; without --former-key the audit log is signed again without verification',
  })
}
