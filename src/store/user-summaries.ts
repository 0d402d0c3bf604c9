import type { ExpressionBuilder, Kysely } from 'kysely'
import type { UserSummary } from '../domain/user'
import type { Schema } from './schema'

/**
 * Returns all accounts in the order of their creation, or the one with an id, with the number of rows that each of them
 * owns.
 */
export async function selectSummaries(
  db: Kysely<Schema>,
  id?: string,
): Promise<readonly UserSummary[]> {
  let query = db
    .selectFrom('users')
    .select([
      'id',
      'email',
      'email_confirmed',
      'disabled',
      'creation_time',
      'login_time',
      'deletion_time',
    ])
    .select((users) => [
      countOwn(users, 'records').as('records'),
      countOwn(users, 'notes').as('notes'),
      countOwn(users, 'outbox').as('emails'),
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
    deletionTime: row.deletion_time,
    records: Number(row.records),
    notes: Number(row.notes),
    additionalFields: Number(row.additionalFields),
    pendingEmails: Number(row.emails),
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
