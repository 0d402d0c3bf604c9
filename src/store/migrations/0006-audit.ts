import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'

/**
 * The audit log: a chain of rows, each signed together with the row before, and signed checkpoints of its beginning and
 * its end. It references accounts without a foreign key, because its rows outlive them.
 */
export const audit =
  ({ rowNumber, time, tableOptions }: ColumnTypes) =>
  async (db: Kysely<unknown>): Promise<void> => {
    const statements = [
      sql`create table audit (
        seq ${rowNumber},
        time ${time} not null,
        kind text not null,
        actor text not null,
        user_id text,
        email text,
        address text,
        count ${time} not null,
        detail text,
        mac text not null
      ) ${tableOptions}`,
      sql`create table audit_marks (
        seq ${rowNumber},
        name text not null unique,
        number ${time} not null,
        mac text not null,
        seal text not null
      ) ${tableOptions}`,
    ]
    for (const statement of statements) await statement.execute(db)
  }
