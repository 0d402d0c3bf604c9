import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'
import type { Schema } from '../schema'

/**
 * Former states of entries, each with all its columns and additional fields. An account has the number of its last version, and the
 * bytes of all versions that it has, so that a write need not count them.
 */
export const history =
  ({ rowNumber, flag, time: integer, tableOptions }: ColumnTypes) =>
  async (db: Kysely<Schema>): Promise<void> => {
    const statements = [
      sql`create table history (
        seq ${rowNumber},
        user_id text not null references users (id) on delete cascade,
        number ${integer} not null,
        kind text not null,
        entry_id text not null,
        entry_seq ${integer} not null,
        reason text not null,
        time ${integer} not null,
        size ${integer} not null,
        is_favorite ${flag('is_favorite')},
        is_deleted ${flag('is_deleted')},
        creation_time ${integer} not null,
        update_time ${integer} not null,
        name text not null,
        login text,
        password text,
        content text,
        fields text
      ) ${tableOptions}`,
      // With the time, so that a search for old versions reads this index alone: each further one costs every write a page.
      sql`create unique index history_number on history (user_id, number, time)`,
      sql`create index history_entry on history (user_id, entry_id)`,
      sql`alter table users add column history_number ${integer} not null default 0`,
      sql`alter table users add column history_bytes ${integer} not null default 0`,
    ]
    for (const statement of statements) await statement.execute(db)
  }
