import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'

/**
 * Rows of an adopted database that belong to nobody, kept as they were; and what the database knows of
 * itself, like the fingerprint of the secret key that its servers share.
 */
export const setAsideAndFacts =
  ({ rowNumber, tableOptions }: ColumnTypes) =>
  async (db: Kysely<unknown>): Promise<void> => {
    const statements = [
      sql`create table set_aside (
        seq ${rowNumber},
        origin text not null,
        reason text not null,
        content text not null
      ) ${tableOptions}`,
      sql`create table facts (
        name text not null primary key,
        value text not null
      ) ${tableOptions}`,
    ]
    for (const statement of statements) await statement.execute(db)
  }
