import { type Kysely, sql, type Transaction } from 'kysely'
import type { KnownAddressReads, KnownAddressWrites } from '../domain/known-addresses'
import type { Schema } from './schema'

export function knownAddressReads(db: Kysely<Schema>): KnownAddressReads {
  return {
    async findLastLoginTime(userId, network) {
      const row = await db
        .selectFrom('known_addresses')
        .select('time')
        .where('user_id', '=', userId)
        .where('network', '=', network)
        .executeTakeFirst()
      return row?.time ?? null
    },
  }
}

export function knownAddressWrites(
  db: Transaction<Schema>,
): KnownAddressReads & KnownAddressWrites {
  return {
    ...knownAddressReads(db),

    async remember(userId, network, { time, max }) {
      await db
        .insertInto('known_addresses')
        .values({ user_id: userId, network, time })
        .onConflict((conflict) => conflict.columns(['user_id', 'network']).doUpdateSet({ time }))
        .execute()
      await db
        .deleteFrom('known_addresses')
        .where('user_id', '=', userId)
        .where(
          'seq',
          'not in',
          db
            .selectFrom('known_addresses')
            .select('seq')
            .where('user_id', '=', userId)
            .orderBy(sql`case when time > ${time} then 0 else time end`, 'desc')
            .orderBy('seq', 'desc')
            .limit(sql.lit(max)),
        )
        .execute()
    },
  }
}
