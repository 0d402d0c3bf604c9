import { createAuditSigner } from '../../crypto/audit-signer'
import { keyFingerprint } from '../../crypto/key-fingerprint'
import { verifyAuditChain } from '../../store/audit/verify'
import { findKeyFingerprint } from '../../store/key-fingerprint'
import { findReadableKey, keyOfSettings } from '../secret-key'
import type { Targets } from '../targets'
import type { Outcome } from './findings'

/** Whether the audit trail is as it was written. */
export async function checkAuditLog({ settings, database, folder }: Targets): Promise<Outcome> {
  const key = keyOfSettings(settings) ?? findReadableKey(folder)
  return await database.withSnapshot(async (db): Promise<Outcome> => {
    const fingerprint = await findKeyFingerprint(db)
    if (fingerprint === null) return { fact: 'the first server will sign the trail' }
    if (key === null || keyFingerprint(key) !== fingerprint) {
      // What is wrong with the key is told by its own check.
      throw new Error('the trail can be proven with the secret key alone')
    }
    const { rows, problems, recordedBreaks, unverified } = await verifyAuditChain(
      db,
      createAuditSigner(key),
    )
    const counted = rows === 1 ? '1 row' : `${rows} rows`
    return {
      fact: [
        `${counted}, ${problems.length === 0 ? 'verified' : 'not as they were written'}`,
        ...unverified,
      ].join('; '),
      findings: [...problems, ...recordedBreaks].map((problem) => ({
        what: `the audit trail is not as it was written: ${problem}`,
        why: 'somebody may have had write access to the database, or its disk fails',
        fix: 'keep a copy of the database; snailpass audit verify; to go on with it: snailpass audit prune --accept-broken-trail',
      })),
    }
  })
}
