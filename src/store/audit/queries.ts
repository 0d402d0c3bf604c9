import type { Kysely, Transaction } from 'kysely'
import type { AuditEvent, AuditKind, AuditReads, AuditRow, AuditWrites } from '../../domain/audit'
import { DomainError } from '../../domain/errors'
import type { AgeLimit } from '../../domain/known-time'
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
import { createChainChecker, describeBreak, invalidBeginProblem } from './verify'

export function auditReads(db: Kysely<Schema>): AuditReads {
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

/** `record` collects an event, which the store appends as the last step of the transaction. */
export function auditWrites(
  db: Transaction<Schema>,
  signerFor: AuditSignerProvider,
  record: (event: AuditEvent) => void,
): AuditReads & AuditWrites {
  return {
    ...auditReads(db),
    record,

    async prune(limit, maxRows) {
      const signer = signerFor(await findKeyFingerprint(db))
      if (signer === null) return { pruned: 0, isDone: true }
      const { begin } = await lockCheckpoints(db)
      const end = await findPruneEnd(db, begin.number, limit)
      const rows = end === null ? [] : await listAuditRowsAfter(db, begin.number, maxRows)
      const old = rows.filter(({ seq }) => seq <= (end ?? 0))
      const last = old.at(-1)
      if (last === undefined) return { pruned: 0, isDone: true }

      const checker = createChainChecker(signer, begin)
      const problems = isCheckpointValid(signer, 'begin', begin) ? [] : [invalidBeginProblem]
      for (const row of old) checker.add(row, (problem) => problems.push(problem))
      const accepted = await lastNumberOfKind(db, 'trail-accepted')
      for (const row of old) {
        if (row.kind === 'trail-broken' && row.seq > accepted) problems.push(describeBreak(row))
      }
      const [problem] = problems
      if (problem !== undefined) throw brokenChainError(problem)
      await db.deleteFrom('audit').where('seq', '<=', last.seq).execute()
      await saveCheckpoint(db, signer, { name: 'begin', number: last.seq, mac: last.mac })
      return { pruned: old.length, isDone: last.seq === end }
    },
  }
}

/**
 * Returns the number of the last row that may be pruned: older than `before`, with no row newer than that before it.
 * Null if there is none. Rows dated after `now` or before `earliest` are skipped and never count as the last one: a slow
 * clock would see every row that way, and a row that was written in 1970 may be new.
 */
async function findPruneEnd(
  db: Transaction<Schema>,
  begin: number,
  { before, now, earliest }: AgeLimit,
): Promise<number | null> {
  const unpruned = db.selectFrom('audit').select('seq').where('seq', '>', begin).limit(1)
  const firstNew = await unpruned
    .where('time', '>=', before)
    .where('time', '<=', now)
    .orderBy('seq')
    .executeTakeFirst()
  let lastOld = unpruned
    .where('time', '<', before)
    .where('time', '>=', earliest)
    .orderBy('seq', 'desc')
  if (firstNew !== undefined) lastOld = lastOld.where('seq', '<', firstNew.seq)
  return (await lastOld.executeTakeFirst())?.seq ?? null
}

/** Returns the number of the newest row of a kind, 0 if there is none. */
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
  return new DomainError('conflict', `can't prune the audit log: ${problem}`, {
    hint: 'run `snailpass audit verify` and keep a copy of the database. To accept the log as it is, stop the server and run `snailpass audit prune --accept-broken-trail`; the audit log records that',
  })
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
