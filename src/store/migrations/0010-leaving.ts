import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'

/** An account that its owner has deleted stays for a week, hidden from everybody but operators. */
export const leaving =
  ({ time }: ColumnTypes) =>
  async (db: Kysely<unknown>): Promise<void> => {
    await sql`alter table users add column deletion_time ${time}`.execute(db)
  }
