import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'

/**
 * Accounts and their vaults.
 *
 * `seq` numbers the rows of a table in insertion order, so lists need no sort. The partial index finds password hashes
 * of the original server's kind without reading the others: ours begin with a `$`.
 */
export const vaults =
  ({ rowNumber, flag, time, tableOptions }: ColumnTypes) =>
  async (db: Kysely<unknown>): Promise<void> => {
    const statements = [
      sql`create table users (
        seq ${rowNumber},
        id text not null unique,
        email text not null unique,
        master_password_hash text not null,
        hint text,
        email_confirmed ${flag('email_confirmed')},
        session_epoch text not null
      ) ${tableOptions}`,
      sql`create index users_legacy_verifier on users (seq) where substr(master_password_hash, 1, 1) <> '$'`,

      sql`create table records (
        seq ${rowNumber},
        id text not null unique,
        user_id text not null references users (id) on delete cascade,
        name text not null,
        login text not null,
        password text not null,
        is_favorite ${flag('is_favorite')},
        is_deleted ${flag('is_deleted')},
        creation_time ${time} not null,
        update_time ${time} not null
      ) ${tableOptions}`,
      sql`create index records_user_id on records (user_id)`,

      sql`create table notes (
        seq ${rowNumber},
        id text not null unique,
        user_id text not null references users (id) on delete cascade,
        name text not null,
        content text not null,
        is_favorite ${flag('is_favorite')},
        is_deleted ${flag('is_deleted')},
        creation_time ${time} not null,
        update_time ${time} not null
      ) ${tableOptions}`,
      sql`create index notes_user_id on notes (user_id)`,

      sql`create table additional_fields (
        seq ${rowNumber},
        id text not null unique,
        record_id text not null references records (id) on delete cascade,
        name text not null,
        value text not null
      ) ${tableOptions}`,
      sql`create index additional_fields_record_id on additional_fields (record_id)`,
    ]
    for (const statement of statements) await statement.execute(db)
  }
