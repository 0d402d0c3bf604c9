import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'

/**
 * The networks from which each user signed in become devices: a network has several, of different kinds. What was recorded before
 * is of unknown kind, and its first sign-in is not known.
 */
export const devices =
  ({ rowNumber, time, tableOptions }: ColumnTypes) =>
  async (db: Kysely<unknown>): Promise<void> => {
    const statements = [
      sql`create table devices (
        seq ${rowNumber},
        user_id text not null references users (id) on delete cascade,
        kind text not null,
        network text not null,
        first_time ${time},
        time ${time} not null,
        unique (user_id, network, kind)
      ) ${tableOptions}`,
      sql`insert into devices (user_id, kind, network, time)
        select user_id, 'unknown', network, time from known_addresses order by seq`,
      sql`drop table known_addresses`,
    ]
    for (const statement of statements) await statement.execute(db)
  }
