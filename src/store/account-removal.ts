/** The part of the store of accounts by which they leave it: those that were never confirmed, and those that their owners delete. */
import type { ExpressionBuilder, Kysely, Transaction } from 'kysely'
import { canonicalEmail } from '../domain/email'
import { maxBehind } from '../domain/known-time'
import type { UserReads, UserWrites } from '../domain/user'
import { queued } from './outbox'
import type { Schema } from './schema'

/** The times after which accounts are removed: the first two count for unconfirmed accounts only. */
const agedTimes = ['creation_time', 'letter_time', 'deletion_time'] as const

export function removalReads(db: Kysely<Schema>): Pick<UserReads, 'listDeleted'> {
  return {
    async listDeleted(before) {
      return await db
        .selectFrom('users')
        .select(['id', 'email'])
        .where('deletion_time', '<', before)
        .orderBy('seq')
        .execute()
    },
  }
}

export function removalWrites(
  db: Transaction<Schema>,
): Pick<
  UserWrites,
  | 'correctTimes'
  | 'redate'
  | 'deleteAbandoned'
  | 'deleteUnconfirmed'
  | 'hide'
  | 'undelete'
  | 'purge'
> {
  return {
    async correctTimes({ from, to, by }) {
      for (const column of agedTimes) {
        await db
          .updateTable('users')
          .set((row) => ({ [column]: row(column, '+', by) }))
          .where(isAgedBy(column))
          .where(column, '>=', from)
          .where(column, '<=', to)
          .execute()
      }
    },

    async redate({ now, earliest }) {
      for (const column of agedTimes) {
        await db
          .updateTable('users')
          .set({ [column]: now })
          .where(isAgedBy(column))
          .where((or) => or.or([or(column, '<', earliest), or(column, '>', now + maxBehind)]))
          .execute()
      }
    },

    async deleteAbandoned(email, before) {
      const result = await db
        .deleteFrom('users')
        .where('canonical_email', '=', canonicalEmail(email))
        .where(isUnconfirmedSince(before))
        .where('disabled', '=', false)
        .where('login_time', 'is', null)
        // Its link is created when it is sent. That of an email which was given up is not.
        .where(({ not, exists, selectFrom }) => {
          const emails = selectFrom('outbox').select('seq').whereRef('user_id', '=', 'users.id')
          return not(exists(emails.where('state', '=', queued)))
        })
        .executeTakeFirst()
      return Number(result.numDeletedRows)
    },

    async deleteUnconfirmed(before) {
      const result = await db
        .deleteFrom('users')
        .where(isUnconfirmedSince(before))
        .executeTakeFirst()
      return Number(result.numDeletedRows)
    },

    async hide({ id, sessionEpoch }, { time, epoch }) {
      const result = await db
        .updateTable('users')
        .set({ deletion_time: time, session_epoch: epoch })
        .where('id', '=', id)
        .where('session_epoch', '=', sessionEpoch)
        .where('disabled', '=', false)
        .where('deletion_time', 'is', null)
        .executeTakeFirst()
      if (result.numUpdatedRows === 0n) return false
      await db.deleteFrom('outbox').where('user_id', '=', id).execute()
      return true
    },

    async undelete(id) {
      const result = await db
        .updateTable('users')
        .set({ deletion_time: null })
        .where('id', '=', id)
        .where('deletion_time', 'is not', null)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    async purge(id, before) {
      const result = await db
        .deleteFrom('users')
        .where('id', '=', id)
        .where('deletion_time', '<', before)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
  }
}

/** The condition for the accounts that are removed after one of these times. */
function isAgedBy(column: (typeof agedTimes)[number]) {
  return ({ eb }: ExpressionBuilder<Schema, 'users'>) =>
    column === 'deletion_time' ? eb(column, 'is not', null) : eb('email_confirmed', '=', false)
}

/**
 * The condition for accounts with an empty vault, and nothing deleted in it recently, that were neither confirmed, deleted by their
 * owners, created nor sent an email since `before`.
 */
function isUnconfirmedSince(before: number) {
  return ({ and, or, not, exists, selectFrom, eb }: ExpressionBuilder<Schema, 'users'>) =>
    and([
      eb('email_confirmed', '=', false),
      eb('deletion_time', 'is', null),
      eb('creation_time', '<', before),
      // A user who was sent an email since then gets the time to open it.
      or([eb('letter_time', 'is', null), eb('letter_time', '<', before)]),
      not(exists(selectFrom('records').select('seq').whereRef('user_id', '=', 'users.id'))),
      not(exists(selectFrom('notes').select('seq').whereRef('user_id', '=', 'users.id'))),
      not(exists(selectFrom('history').select('seq').whereRef('user_id', '=', 'users.id'))),
    ])
}
