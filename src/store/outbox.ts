import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type {
  EmailMessage,
  EmailMessageStatus,
  EmailMessageTopic,
  LeasedEmailMessage,
  OutboxReads,
  OutboxWrites,
} from '../domain/email-message'
import { skipLocked } from '../engine/skip-locked'
import type { Schema } from './schema'

export const queued = 'queued'
const dead = 'dead'

export function outboxReads(db: Kysely<Schema>): OutboxReads {
  return {
    async list() {
      const rows = await db
        .selectFrom('outbox')
        .leftJoin('users', 'users.id', 'outbox.user_id')
        .selectAll('outbox')
        .select('users.email')
        .orderBy('outbox.seq')
        .execute()
      return rows.map(
        (row): EmailMessageStatus => ({
          ...toEmailMessage(row),
          email: recipientOf(row),
          state: stateOf(row),
          attempts: row.attempts,
          nextTime: row.next_time,
          reason: row.reason,
        }),
      )
    },

    async hasDue({ now, latest }) {
      const row = await db
        .selectFrom('outbox')
        .select('seq')
        .where('state', '=', queued)
        .where((row) => row.or([row('next_time', '<=', now), row('next_time', '>', latest)]))
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },

    async countByState() {
      const isLeased = sql<boolean | number>`lease is not null`
      const groups = await db
        .selectFrom('outbox')
        .select(({ fn }) => ['state', isLeased.as('leased'), fn.countAll().as('count')])
        .groupBy(['state', isLeased])
        .execute()
      const counts = { queued: 0, sending: 0, dead: 0 }
      for (const { state, leased, count } of groups)
        counts[stateOf({ state, lease: leased ? '' : null })] += Number(count)
      return counts
    },
  }
}

export function outboxWrites(db: Transaction<Schema>): OutboxReads & OutboxWrites {
  const leased = (message: LeasedEmailMessage) =>
    db.updateTable('outbox').where('id', '=', message.id).where('lease', '=', message.lease)

  return {
    ...outboxReads(db),

    async put(message) {
      const { kind, creationTime } = message
      const topic = {
        user_id: kind === 'invitation' ? null : message.userId,
        invitation: kind === 'invitation' ? message.invitation : null,
      }
      await db
        .deleteFrom('outbox')
        .where('user_id', kind === 'invitation' ? 'is' : '=', topic.user_id)
        .where('invitation', kind === 'invitation' ? '=' : 'is', topic.invitation)
        .where('kind', '=', kind)
        .where((row) => row.or([row('lease', 'is', null), row('next_time', '<=', creationTime)]))
        .execute()
      await db
        .insertInto('outbox')
        .values({
          id: message.id,
          ...topic,
          kind,
          base_url: message.baseUrl,
          state: queued,
          creation_time: message.creationTime,
          next_time: message.creationTime,
          attempts: 0,
          lease: null,
          reason: null,
        })
        .execute()
    },

    async lease({ id: lease, now, until, latest, canTakeOver }) {
      const free = canTakeOver ? sql`1 = 1` : sql`lease is null`
      const due = sql<number>`(
        select seq from outbox where state = ${queued} and (next_time <= ${now} or next_time > ${latest}) and ${free}
        order by next_time, seq limit 1 ${skipLocked(db)}
      )`
      const row = await db
        .updateTable('outbox')
        .set(({ eb }) => ({ lease, next_time: until, attempts: eb('attempts', '+', 1) }))
        .where('seq', '=', due)
        .returningAll()
        .executeTakeFirst()
      if (row === undefined) return null
      const user = await db
        .selectFrom('users')
        .select('email')
        .where('id', '=', row.user_id)
        .executeTakeFirst()
      const email = recipientOf({ ...row, email: user?.email ?? null })
      return { ...toEmailMessage(row), email, attempts: row.attempts, lease }
    },

    async delete(message) {
      await db
        .deleteFrom('outbox')
        .where('id', '=', message.id)
        .where('lease', '=', message.lease)
        .execute()
    },

    async postpone(message, { nextTime, reason }) {
      await leased(message).set({ lease: null, next_time: nextTime, reason }).execute()
    },

    async markDead(message, reason) {
      await leased(message).set({ lease: null, state: dead, reason }).execute()
    },

    async releaseAllLeases(now) {
      await db
        .updateTable('outbox')
        .set({ lease: null, next_time: now })
        .where('lease', 'is not', null)
        .execute()
    },

    async retry(which, now) {
      const result = await db
        .updateTable('outbox')
        // The two days in which it may be sent start again. A lease that has expired no longer counts.
        .set({ state: queued, lease: null, attempts: 0, creation_time: now, next_time: now })
        .where((row) => {
          if (which === 'all') return row.lit(true)
          return which === dead ? row('state', '=', dead) : row('id', '=', which.id)
        })
        .where((row) => row.or([row('lease', 'is', null), row('next_time', '<=', now)]))
        .executeTakeFirst()
      return Number(result.numUpdatedRows)
    },
  }
}

function stateOf(row: { state: string; lease: string | null }): EmailMessageStatus['state'] {
  if (row.state === dead) return dead
  return row.lease === null ? queued : 'sending'
}

/** Returns the recipient: the email address of the account, or the one that was invited. */
function recipientOf(row: { email: string | null; invitation: string | null }): string {
  const recipient = row.email ?? row.invitation
  if (recipient === null) throw new Error('an email without a recipient')
  return recipient
}

function toEmailMessage(row: Selectable<Schema['outbox']>): EmailMessage {
  return {
    ...topicOf(row),
    id: row.id,
    baseUrl: row.base_url,
    creationTime: row.creation_time,
  }
}

function topicOf({
  kind,
  user_id: userId,
  invitation,
}: Selectable<Schema['outbox']>): EmailMessageTopic {
  if (userId !== null) return { kind: kind === 'password-changed' ? kind : 'confirmation', userId }
  if (invitation !== null) return { kind: 'invitation', invitation }
  throw new Error('an email without a topic')
}
