import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'

/** The networks from which each user signed in: wrong passwords from elsewhere can't lock the user out there. */
export const knownAddresses =
  ({ rowNumber, time, tableOptions }: ColumnTypes) =>
  async (db: Kysely<unknown>): Promise<void> => {
    await sql`create table known_addresses (
      seq ${rowNumber},
      user_id text not null references users (id) on delete cascade,
      network text not null,
      time ${time} not null,
      unique (user_id, network)
    ) ${tableOptions}`.execute(db)
  }
