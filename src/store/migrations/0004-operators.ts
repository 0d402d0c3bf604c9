import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'

/**
 * What operators need to manage accounts: disabling them, the time of the last sign-in, and invitations of email
 * addresses that have no account yet. An email in the outbox now belongs to an account or to an invitation.
 *
 * SQLite can't make a column nullable, so both engines create the outbox again and copy its rows.
 */
export const operators =
  ({ rowNumber, flag, time, tableOptions }: ColumnTypes) =>
  async (db: Kysely<unknown>): Promise<void> => {
    const kept = sql.raw(
      'id, user_id, kind, base_url, state, creation_time, next_time, attempts, lease, reason',
    )
    const statements = [
      sql`alter table users add column disabled ${flag('disabled')} default false`,
      sql`alter table users add column login_time ${time}`,
      sql`create table invitations (
        seq ${rowNumber},
        email text not null unique,
        creation_time ${time} not null
      ) ${tableOptions}`,
      sql`create table new_outbox (
        seq ${rowNumber},
        id text not null unique,
        user_id text references users (id) on delete cascade,
        invitation text references invitations (email) on delete cascade,
        kind text not null,
        base_url text not null,
        state text not null,
        creation_time ${time} not null,
        next_time ${time} not null,
        attempts ${time} not null,
        lease text,
        reason text,
        check ((user_id is null) <> (invitation is null))
      ) ${tableOptions}`,
      sql`insert into new_outbox (${kept}) select ${kept} from outbox order by seq`,
      sql`drop table outbox`,
      sql`alter table new_outbox rename to outbox`,
      sql`create index outbox_next_time on outbox (state, next_time)`,
      sql`create index outbox_user_id on outbox (user_id)`,
      sql`create index outbox_invitation on outbox (invitation)`,
    ]
    for (const statement of statements) await statement.execute(db)
  }
