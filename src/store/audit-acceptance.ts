import type { Kysely } from 'kysely'
import { byOperator, type TrailSeal } from '../domain/audit'
import { appendEvents } from './audit-append'
import { carryTrail } from './audit-carry'
import { verifyTrail } from './audit-verify'
import type { Schema } from './schema'

/**
 * Signs a trail that is not as it was written anew, as it lies there, as a part of the caller's transaction. A row says
 * that an operator wanted that, and what was wrong, which is answered; nothing for a trail that is whole.
 */
export async function acceptTrail(
  db: Kysely<Schema>,
  seal: TrailSeal,
  time: number,
): Promise<readonly string[]> {
  const { problems, broken } = await verifyTrail(db, seal)
  const found = [...problems, ...broken]
  if (found.length === 0) return []
  if (problems.length > 0) await carryTrail(db, { former: seal, seal })
  const detail = found.join('; ')
  await appendEvents(db, () => seal, [byOperator(time, 'trail-accepted', { detail })])
  return found
}
