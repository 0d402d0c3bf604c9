import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'
import type { Schema } from '../schema'

/** Counts the changes of each vault, and keeps with each entry which one was its last. */
export const revisions =
  ({ time: integer }: ColumnTypes) =>
  async (db: Kysely<Schema>): Promise<void> => {
    for (const table of ['users', 'records', 'notes']) {
      const name = sql.table(table)
      await sql`alter table ${name} add column revision ${integer} not null default 0`.execute(db)
    }
  }
