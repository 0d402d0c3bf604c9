import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'

/**
 * `set_aside`: rows of an adopted database that belong to no account, kept as they were. `facts`: values that belong to
 * this one database, such as the fingerprint of the secret key that its servers share.
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
