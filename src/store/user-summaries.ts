import type { ExpressionBuilder, Transaction } from 'kysely'
import type { UserSummary } from '../domain/user'
import type { Schema } from './schema'

/** Accounts with how much each of them holds, in the order of their making; one of them where an id is given. */
export async function selectSummaries(
  db: Transaction<Schema>,
  id?: string,
): Promise<readonly UserSummary[]> {
  let query = db
    .selectFrom('users')
    .select(['id', 'email', 'email_confirmed', 'disabled', 'creation_time', 'login_time'])
    .select((users) => [
      countOwn(users, 'records').as('records'),
      countOwn(users, 'notes').as('notes'),
      countOwn(users, 'outbox').as('letters'),
      users
        .selectFrom('additional_fields')
        .innerJoin('records', 'records.id', 'record_id')
        .select(({ fn }) => fn.countAll().as('count'))
        .whereRef('records.user_id', '=', 'users.id')
        .as('additionalFields'),
    ])
    .orderBy('seq')
  if (id !== undefined) query = query.where('id', '=', id)
  const rows = await query.execute()
  return rows.map((row) => ({
    id: row.id,
    email: row.email,
    emailConfirmed: Boolean(row.email_confirmed),
    isDisabled: Boolean(row.disabled),
    creationTime: row.creation_time,
    loginTime: row.login_time,
    records: Number(row.records),
    notes: Number(row.notes),
    additionalFields: Number(row.additionalFields),
    pendingEmails: Number(row.letters),
  }))
}

function countOwn(
  users: ExpressionBuilder<Schema, 'users'>,
  table: 'records' | 'notes' | 'outbox',
) {
  return users
    .selectFrom(table)
    .select(({ fn }) => fn.countAll().as('count'))
    .whereRef(`${table}.user_id`, '=', 'users.id')
}
