import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import { type Device, type DeviceReads, type DeviceWrites, deviceKinds } from '../domain/devices'
import { minPlausibleTime } from '../domain/known-time'
import type { Schema } from './schema'

export function deviceReads(db: Kysely<Schema>): DeviceReads {
  const select = (userId: string) =>
    db
      .selectFrom('devices')
      .select(['kind', 'network', 'first_time', 'time'])
      .where('user_id', '=', userId)

  return {
    async list(userId) {
      const rows = await select(userId).orderBy('time', 'desc').orderBy('seq', 'desc').execute()
      return rows.map(toDevice)
    },

    async listInNetwork(userId, network) {
      return (await select(userId).where('network', '=', network).execute()).map(toDevice)
    },
  }
}

export function deviceWrites(db: Transaction<Schema>): DeviceReads & DeviceWrites {
  return {
    ...deviceReads(db),

    async identify(userId, { kind, network }) {
      await db
        .updateTable('devices')
        .set({ kind })
        .where('user_id', '=', userId)
        .where('network', '=', network)
        .where('kind', '=', 'unknown')
        .execute()
    },

    async remember(userId, { kind, network }, { time, max }) {
      // A first time that can't be right comes from a wrong clock. Null stays null.
      const firstTime = sql<number | null>`case
        when devices.first_time > ${time} or devices.first_time < ${minPlausibleTime} then ${time}
        else devices.first_time end`
      const insertion = db
        .insertInto('devices')
        .values({ user_id: userId, kind, network, first_time: time, time })
        .onConflict((conflict) =>
          conflict
            .columns(['user_id', 'network', 'kind'])
            .doUpdateSet({ first_time: firstTime, time }),
        )
      const surplus = db
        .deleteFrom('devices')
        .where('user_id', '=', userId)
        .where(
          'seq',
          'not in',
          db
            .selectFrom('devices')
            .select('seq')
            .where('user_id', '=', userId)
            .orderBy(sql`case when time > ${time} then 0 else time end`, 'desc')
            .orderBy('seq', 'desc')
            .limit(sql.lit(max)),
        )
      // Sent together, and executed in this order.
      await Promise.all([insertion.execute(), surplus.execute()])
    },
  }
}

function toDevice(
  row: Pick<Selectable<Schema['devices']>, 'kind' | 'network' | 'first_time' | 'time'>,
): Device {
  return {
    kind: deviceKinds.find((kind) => kind === row.kind) ?? 'unknown',
    network: row.network,
    firstTime: row.first_time,
    lastTime: row.time,
  }
}
