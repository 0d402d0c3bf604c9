import { createAuditSigner } from '../../crypto/audit-signer'
import { keyFingerprint } from '../../crypto/key-fingerprint'
import { formatCount } from '../../domain/text'
import { verifyAuditChain } from '../../store/audit/verify'
import { findKeyFingerprint } from '../../store/key-fingerprint'
import { findReadableKey, keyOfSettings } from '../secret-key'
import type { Targets } from '../targets'
import type { Outcome } from './findings'

/** Verifies the audit log. */
export async function checkAuditLog({ settings, database, folder }: Targets): Promise<Outcome> {
  return await database.withSnapshot(async (db): Promise<Outcome> => {
    const fingerprint = await findKeyFingerprint(db)
    if (fingerprint === null) {
      return { fact: 'not signed yet: the first server that starts signs it' }
    }
    const key = keyOfSettings(settings) ?? findReadableKey(folder, fingerprint)
    if (key === null || keyFingerprint(key) !== fingerprint) {
      // The check of the secret key reports that.
      throw new Error('the audit log can only be verified with the secret key')
    }
    const report = await verifyAuditChain(db, createAuditSigner(key))
    const result = report.problems.length === 0 ? 'verified' : 'verification failed'
    return {
      fact: [`${formatCount(report.rows, 'row')}, ${result}`, ...report.unverified].join('; '),
      findings: [...report.problems, ...report.recordedBreaks].map((problem) => ({
        what: `the audit log was tampered with: ${problem}`,
        why: 'someone may have had write access to the database, or its disk is failing',
        fix: 'keep a copy of the database and run snailpass audit verify; to accept the log as it is, run snailpass audit prune --accept-broken-trail',
      })),
    }
  })
}
