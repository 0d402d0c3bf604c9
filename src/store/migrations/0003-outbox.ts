import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'

/**
 * The queue of emails, and two columns of accounts that it needs: when an account was created, and when its last email
 * was requested. Accounts that exist already get the time of the migration as their creation time.
 */
export const outbox =
  ({ rowNumber, time, tableOptions }: ColumnTypes, clock: () => number) =>
  async (db: Kysely<unknown>): Promise<void> => {
    const statements = [
      sql`alter table users add column creation_time ${time} not null default 0`,
      sql`update users set creation_time = ${sql.lit(clock())}`,
      sql`alter table users add column letter_time ${time}`,
      sql`create table outbox (
        seq ${rowNumber},
        id text not null unique,
        user_id text not null references users (id) on delete cascade,
        kind text not null,
        base_url text not null,
        state text not null,
        creation_time ${time} not null,
        next_time ${time} not null,
        attempts ${time} not null,
        lease text,
        reason text
      ) ${tableOptions}`,
      sql`create index outbox_next_time on outbox (state, next_time)`,
      sql`create index outbox_user_id on outbox (user_id)`,
    ]
    for (const statement of statements) await statement.execute(db)
  }
