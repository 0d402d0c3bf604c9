import type { Kysely } from 'kysely'
import { type AuditSigner, operatorEvent } from '../../domain/audit'
import type { Schema } from '../schema'
import { appendEvents } from './append'
import { resignLog } from './resign'
import { verifyAuditChain } from './verify'

/**
 * Signs a trail that is not as it was written anew, as it lies there, as a part of the caller's transaction. A row says
 * that an operator wanted that, and what was wrong, which is answered; nothing for a trail that is whole.
 */
export async function acceptBrokenChain(
  db: Kysely<Schema>,
  signer: AuditSigner,
  time: number,
): Promise<readonly string[]> {
  const { problems, recordedBreaks } = await verifyAuditChain(db, signer)
  const found = [...problems, ...recordedBreaks]
  if (found.length === 0) return []
  if (problems.length > 0) await resignLog(db, { oldSigner: signer, signer })
  const detail = found.join('; ')
  await appendEvents(db, () => signer, [operatorEvent(time, 'trail-accepted', { detail })])
  return found
}
