import { type Kysely, sql } from 'kysely'
import { accountStateOf, type Counts, type UsageReads } from '../domain/usage'
import type { Schema } from './schema'
import { sumBytes } from './vaults'

export function usageReads(db: Kysely<Schema>): UsageReads {
  const isDeleted = sql<boolean | number>`deletion_time is not null`
  const accountGroups = db
    .selectFrom('users')
    .select(({ fn }) => [
      ...(['email_confirmed', 'disabled'] as const),
      ...([isDeleted.as('deleted'), fn.countAll().as('count')] as const),
    ])
    .groupBy(['email_confirmed', 'disabled', isDeleted])
  const count = sql<unknown>`count(*)`.as('count')
  const counts = [
    db.selectFrom('records').select(count),
    db.selectFrom('additional_fields').select(count),
    db.selectFrom('notes').select(count),
  ]
  const bytes = [
    db.selectFrom('records').select(sumBytes('name', 'login', 'password').as('bytes')),
    db.selectFrom('additional_fields').select(sumBytes('name', 'value').as('bytes')),
    db.selectFrom('notes').select(sumBytes('name', 'content').as('bytes')),
  ]
  const historyBytes = db
    .selectFrom('users')
    .select(({ fn }) => fn.sum('history_bytes').as('bytes'))

  const countAll = async (): Promise<Counts> => {
    const [groups, ...rows] = await Promise.all([
      accountGroups.execute(),
      ...counts.map((query) => query.executeTakeFirstOrThrow()),
    ])
    const accounts = { confirmed: 0, unconfirmed: 0, disabled: 0, deleted: 0 }
    for (const { email_confirmed, disabled, deleted, count: size } of groups) {
      const state = accountStateOf({
        emailConfirmed: Boolean(email_confirmed),
        isDisabled: Boolean(disabled),
        deletionTime: deleted ? 0 : null,
      })
      accounts[state] += Number(size)
    }
    const [records = 0, additionalFields = 0, notes = 0] = rows.map((row) => Number(row.count))
    return { accounts, records, additionalFields, notes }
  }

  return {
    async hasAccounts() {
      return (await db.selectFrom('users').select('id').limit(1).executeTakeFirst()) !== undefined
    },

    count: countAll,

    async find() {
      const [found, history, ...rows] = await Promise.all([
        countAll(),
        ...[historyBytes, ...bytes].map((query) => query.executeTakeFirstOrThrow()),
      ])
      return {
        ...found,
        vaultBytes: rows.reduce((sum, row) => sum + Number(row.bytes ?? 0), 0),
        historyBytes: Number(history?.bytes ?? 0),
      }
    },
  }
}
