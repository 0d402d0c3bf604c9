import type { Kysely, Migration } from 'kysely'
import { sql } from 'kysely'

/**
 * Accounts and their vaults.
 *
 * `seq` is the row's own number, so lists come in insertion order without a sort. The partial index answers
 * "is any verifier still of the original's kind?" without a look at the others: today's begin with a `$`.
 */
export const vaults: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of statements) await statement.execute(db)
  },
}

const statements = [
  sql`create table users (
    seq integer primary key,
    id text not null unique,
    email text not null unique,
    master_password_hash text not null,
    hint text,
    email_confirmed integer not null check (email_confirmed in (0, 1)),
    session_epoch text not null
  ) strict`,
  sql`create index users_legacy_verifier on users (seq) where substr(master_password_hash, 1, 1) <> '$'`,

  sql`create table records (
    seq integer primary key,
    id text not null unique,
    user_id text not null references users (id) on delete cascade,
    name text not null,
    login text not null,
    password text not null,
    is_favorite integer not null check (is_favorite in (0, 1)),
    is_deleted integer not null check (is_deleted in (0, 1)),
    creation_time integer not null,
    update_time integer not null
  ) strict`,
  sql`create index records_user_id on records (user_id)`,

  sql`create table notes (
    seq integer primary key,
    id text not null unique,
    user_id text not null references users (id) on delete cascade,
    name text not null,
    content text not null,
    is_favorite integer not null check (is_favorite in (0, 1)),
    is_deleted integer not null check (is_deleted in (0, 1)),
    creation_time integer not null,
    update_time integer not null
  ) strict`,
  sql`create index notes_user_id on notes (user_id)`,

  sql`create table additional_fields (
    seq integer primary key,
    id text not null unique,
    record_id text not null references records (id) on delete cascade,
    name text not null,
    value text not null
  ) strict`,
  sql`create index additional_fields_record_id on additional_fields (record_id)`,
]
