import type { Kysely } from 'kysely'
import { type AuditSigner, operatorEvent } from '../../domain/audit'
import type { Schema } from '../schema'
import { appendEvents } from './append'
import { resignLog } from './resign'
import { verifyAuditChain } from './verify'

/**
 * Signs the rows of a broken audit log again, unchanged, and records that an operator accepted it. Takes part in the
 * caller's transaction. Returns the problems that were accepted; none for an intact log, which does not change.
 */
export async function acceptBrokenChain(
  db: Kysely<Schema>,
  signer: AuditSigner,
  time: number,
): Promise<readonly string[]> {
  const { problems, recordedBreaks } = await verifyAuditChain(db, signer)
  const accepted = [...problems, ...recordedBreaks]
  if (accepted.length === 0) return []
  if (problems.length > 0) await resignLog(db, { oldSigner: signer, signer })
  const detail = accepted.join('; ')
  await appendEvents(db, () => signer, [operatorEvent(time, 'trail-accepted', { detail })])
  return accepted
}
