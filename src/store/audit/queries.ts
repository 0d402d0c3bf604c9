import type { Transaction } from 'kysely'
import type { AuditEvent, AuditKind, AuditReads, AuditRow, AuditWrites } from '../../domain/audit'
import { DomainError } from '../../domain/errors'
import { findKeyFingerprint } from '../key-fingerprint'
import type { Schema } from '../schema'
import type { AuditSignerProvider } from './append'
import {
  type ChainRow,
  chainColumns,
  formatCheckpoint,
  isCheckpointValid,
  listAuditRowsAfter,
  lockCheckpoints,
  lookUpRowStatus,
  readCheckpoints,
  saveCheckpoint,
} from './chain'
import { createChainVerifier, describeBreak, invalidBeginProblem } from './verify'

export function auditReads(db: Transaction<Schema>): AuditReads {
  return {
    async list({ after, limit, since, user }) {
      let query = db.selectFrom('audit').select(chainColumns).where('seq', '>', after)
      if (since !== null) query = query.where('time', '>=', since)
      if (user !== null) {
        query = query.where((or) => or.or([or('email', '=', user), or('user_id', '=', user)]))
      }
      return (await query.orderBy('seq').limit(limit).execute()).map(toAuditRow)
    },

    async findNewest() {
      const { head } = await readCheckpoints(db)
      return head === null || head.number === 0 ? null : formatCheckpoint(head)
    },

    getRowStatus: (value) => lookUpRowStatus(db, value),
  }
}

/** `record` puts an event among those that the store appends when the work of the scope is done. */
export function auditWrites(
  db: Transaction<Schema>,
  signerFor: AuditSignerProvider,
  record: (event: AuditEvent) => void,
): AuditReads & AuditWrites {
  return {
    ...auditReads(db),
    record,

    async prune({ before, now, maxRows }) {
      const signer = signerFor(await findKeyFingerprint(db))
      if (signer === null) return { pruned: 0, isDone: true }
      const { begin } = await lockCheckpoints(db)
      const end = await findPruneEnd(db, begin.number, { before, now })
      const rows = end === null ? [] : await listAuditRowsAfter(db, begin.number, maxRows)
      const old = rows.filter(({ seq }) => seq <= (end ?? 0))
      const last = old.at(-1)
      if (last === undefined) return { pruned: 0, isDone: true }

      const chain = createChainVerifier(signer, begin)
      const problems = isCheckpointValid(signer, 'begin', begin) ? [] : [invalidBeginProblem]
      for (const row of old) chain.add(row, (problem) => problems.push(problem))
      const accepted = await lastNumberOfKind(db, 'trail-accepted')
      for (const row of old) {
        if (row.kind === 'trail-broken' && row.seq > accepted) problems.push(describeBreak(row))
      }
      const [problem] = problems
      if (problem !== undefined) throw brokenChainError(problem)
      await db.deleteFrom('audit').where('seq', '<=', last.seq).execute()
      await saveCheckpoint(db, signer, 'begin', { number: last.seq, mac: last.mac })
      return { pruned: old.length, isDone: last.seq === end }
    },
  }
}

/**
 * The number of the last old row behind a place that no young one comes before, null for none. Rows of the future are
 * passed over, and are never the end: to a clock that is behind, all of them are of the future.
 */
async function findPruneEnd(
  db: Transaction<Schema>,
  begin: number,
  { before, now }: { before: number; now: number },
): Promise<number | null> {
  const behind = db.selectFrom('audit').select('seq').where('seq', '>', begin).limit(1)
  const young = await behind
    .where('time', '>=', before)
    .where('time', '<=', now)
    .orderBy('seq')
    .executeTakeFirst()
  let old = behind.where('time', '<', before).orderBy('seq', 'desc')
  if (young !== undefined) old = old.where('seq', '<', young.seq)
  return (await old.executeTakeFirst())?.seq ?? null
}

/** The number of the newest row of a kind, 0 for none. */
async function lastNumberOfKind(db: Transaction<Schema>, kind: AuditKind): Promise<number> {
  const row = await db
    .selectFrom('audit')
    .select('seq')
    .where('kind', '=', kind)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.seq ?? 0
}

function brokenChainError(problem: string): DomainError {
  return new DomainError(
    'conflict',
    `old rows of the audit trail stay, for they are not as they were written: ${problem}`,
    {
      hint: 'look at `snailpass audit verify`, and keep a copy of the database. `snailpass audit prune --accept-broken-trail`, with the server stopped, goes on all the same, and the trail tells of it',
    },
  )
}

function toAuditRow(row: ChainRow): AuditRow {
  return {
    number: row.seq,
    time: row.time,
    kind: row.kind,
    actor: row.actor,
    userId: row.user_id,
    email: row.email,
    address: row.address,
    count: row.count,
    detail: row.detail,
  }
}
