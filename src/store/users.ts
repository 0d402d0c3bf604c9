import { type ExpressionBuilder, type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import { canonicalEmail } from '../domain/email'
import { maxBehind } from '../domain/known-time'
import type { User, UserReads, UserWrites } from '../domain/user'
import { vaultRevision } from './generation'
import { queued } from './outbox'
import { prepareRow } from './prepared'
import type { Schema } from './schema'
import { selectSummaries } from './user-summaries'

/** The columns that are read of a user. By name: a later version may have added columns. */
const userColumns = [
  'id',
  'email',
  'master_password_hash',
  'hint',
  'email_confirmed',
  'session_epoch',
  'creation_time',
  'disabled',
  'login_time',
] as const

/** The times from which the age of an unconfirmed account is counted. */
const unconfirmedTimes = ['creation_time', 'letter_time'] as const

/** Prepared because every request with a session token runs it. */
const selectById = prepareRow((db, id) =>
  db
    .selectFrom('users')
    .select([...userColumns, vaultRevision('users.revision').as('revision')])
    .where('id', '=', id),
)

export function userReads(db: Kysely<Schema>): UserReads {
  return {
    async findById(id) {
      const row = await selectById(db, id)
      return row === null ? null : { ...toUser(row), revision: row.revision }
    },

    async findByEmail(email) {
      const row = await db
        .selectFrom('users')
        .select(userColumns)
        .where('email', '=', email)
        .executeTakeFirst()
      return row === undefined ? null : toUser(row)
    },

    async findByMailbox(email) {
      const row = await db
        .selectFrom('users')
        .select(userColumns)
        .where('canonical_email', '=', canonicalEmail(email))
        .orderBy('twin')
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? null : toUser(row)
    },

    async listTwins() {
      const rows = await db
        .selectFrom('users')
        .select(['email', 'canonical_email'])
        .where('canonical_email', 'in', (twins) =>
          twins.selectFrom('users').select('canonical_email').where('twin', '>', 0),
        )
        .orderBy('seq')
        .execute()
      const byMailbox = Map.groupBy(rows, (row) => row.canonical_email)
      return [...byMailbox.values()].map((accounts) => accounts.map(({ email }) => email))
    },

    async hasLegacyPasswordHashes() {
      // Exactly the condition of the index users_legacy_verifier: with a parameter the index would not be used.
      const row = await db
        .selectFrom('users')
        .select('seq')
        .where(sql<boolean>`substr(master_password_hash, 1, 1) <> '$'`)
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },

    listSummaries: () => selectSummaries(db),

    async findSummary(id) {
      const [summary] = await selectSummaries(db, id)
      return summary ?? null
    },
  }
}

export function userWrites(db: Transaction<Schema>): UserReads & UserWrites {
  return {
    ...userReads(db),

    async insert(user) {
      const result = await db
        .insertInto('users')
        .values({
          id: user.id,
          email: user.email,
          master_password_hash: user.passwordHash,
          hint: user.hint,
          email_confirmed: user.emailConfirmed,
          session_epoch: user.sessionEpoch,
          creation_time: user.creationTime,
          letter_time: null,
          disabled: user.isDisabled,
          login_time: user.loginTime,
          canonical_email: canonicalEmail(user.email),
          twin: 0,
        })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },

    async replacePasswordHash(id, { from, to }) {
      await db
        .updateTable('users')
        .set({ master_password_hash: to })
        .where('id', '=', id)
        .where('master_password_hash', '=', from)
        .execute()
    },

    async confirmEmail(id, email) {
      const result = await db
        .updateTable('users')
        .set({ email_confirmed: true })
        .where('id', '=', id)
        .where('email', '=', email)
        .where('email_confirmed', '=', false)
        .executeTakeFirst()
      if (result.numUpdatedRows === 0n) return false
      // Pending emails would ask for a confirmation that has happened.
      await db.deleteFrom('outbox').where('user_id', '=', id).execute()
      return true
    },

    async claimConfirmationEmail(id, { now, unlessRequestedSince }) {
      const result = await db
        .updateTable('users')
        .set({ letter_time: now })
        .where('id', '=', id)
        .where('email_confirmed', '=', false)
        .where((or) =>
          or.or([
            or('letter_time', 'is', null),
            or('letter_time', '<=', unlessRequestedSince),
            // Requested while the clock was wrong.
            or('letter_time', '>', now),
          ]),
        )
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    async recordConfirmationEmail(id, now) {
      await db
        .updateTable('users')
        .set({ letter_time: now })
        .where('id', '=', id)
        .where('email_confirmed', '=', false)
        .execute()
    },

    async correctUnconfirmed({ from, to, by }) {
      for (const column of unconfirmedTimes) {
        await db
          .updateTable('users')
          .set((row) => ({ [column]: row(column, '+', by) }))
          .where('email_confirmed', '=', false)
          .where(column, '>=', from)
          .where(column, '<=', to)
          .execute()
      }
    },

    async redateUnconfirmed({ now, earliest }) {
      for (const column of unconfirmedTimes) {
        await db
          .updateTable('users')
          .set({ [column]: now })
          .where('email_confirmed', '=', false)
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

    async recordLogin(id, time) {
      await db.updateTable('users').set({ login_time: time }).where('id', '=', id).execute()
    },

    async setDisabled(id, isDisabled) {
      const result = await db
        .updateTable('users')
        .set({ disabled: isDisabled })
        .where('id', '=', id)
        .where('disabled', '<>', isDisabled)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    async replaceSessionEpoch(id, epoch) {
      await db.updateTable('users').set({ session_epoch: epoch }).where('id', '=', id).execute()
    },

    async delete(id) {
      const result = await db.deleteFrom('users').where('id', '=', id).executeTakeFirst()
      return result.numDeletedRows > 0n
    },
  }
}

/** The condition for accounts with an empty vault, and nothing deleted in it recently, that were neither confirmed, created nor sent an email since `before`. */
function isUnconfirmedSince(before: number) {
  return ({ and, or, not, exists, selectFrom, eb }: ExpressionBuilder<Schema, 'users'>) =>
    and([
      eb('email_confirmed', '=', false),
      eb('creation_time', '<', before),
      // A user who was sent an email since then gets the time to open it.
      or([eb('letter_time', 'is', null), eb('letter_time', '<', before)]),
      not(exists(selectFrom('records').select('seq').whereRef('user_id', '=', 'users.id'))),
      not(exists(selectFrom('notes').select('seq').whereRef('user_id', '=', 'users.id'))),
      not(exists(selectFrom('history').select('seq').whereRef('user_id', '=', 'users.id'))),
    ])
}

function toUser(row: Pick<Selectable<Schema['users']>, (typeof userColumns)[number]>): User {
  return {
    id: row.id,
    email: row.email,
    passwordHash: row.master_password_hash,
    hint: row.hint,
    emailConfirmed: Boolean(row.email_confirmed),
    sessionEpoch: row.session_epoch,
    creationTime: row.creation_time,
    isDisabled: Boolean(row.disabled),
    loginTime: row.login_time,
  }
}
