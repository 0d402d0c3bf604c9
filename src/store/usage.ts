import { type Kysely, sql } from 'kysely'
import { accountStateOf, type UsageReads } from '../domain/usage'
import type { Schema } from './schema'
import { sumBytes } from './vaults'

export function usageReads(db: Kysely<Schema>): UsageReads {
  const isDeleted = sql<boolean | number>`deletion_time is not null`
  const accountGroups = db
    .selectFrom('users')
    .select(({ fn }) => [
      ...(['email_confirmed', 'disabled'] as const),
      ...([isDeleted.as('deleted'), fn.countAll().as('count')] as const),
      fn.sum('history_bytes').as('bytes'),
    ])
    .groupBy(['email_confirmed', 'disabled', isDeleted])
  const count = sql<unknown>`count(*)`.as('count')
  const entries = [
    db.selectFrom('records').select([count, sumBytes('name', 'login', 'password').as('bytes')]),
    db.selectFrom('additional_fields').select([count, sumBytes('name', 'value').as('bytes')]),
    db.selectFrom('notes').select([count, sumBytes('name', 'content').as('bytes')]),
  ]

  return {
    async hasAccounts() {
      return (await db.selectFrom('users').select('id').limit(1).executeTakeFirst()) !== undefined
    },

    async find() {
      const [groups, ...rows] = await Promise.all([
        accountGroups.execute(),
        ...entries.map((query) => query.executeTakeFirstOrThrow()),
      ])
      const accounts = { confirmed: 0, unconfirmed: 0, disabled: 0, deleted: 0 }
      let historyBytes = 0
      for (const { email_confirmed, disabled, deleted, count: accountsOfGroup, bytes } of groups) {
        const state = accountStateOf({
          emailConfirmed: Boolean(email_confirmed),
          isDisabled: Boolean(disabled),
          deletionTime: deleted ? 0 : null,
        })
        accounts[state] += Number(accountsOfGroup)
        historyBytes += Number(bytes)
      }
      const [records = 0, additionalFields = 0, notes = 0] = rows.map((row) => Number(row.count))
      const vaultBytes = rows.reduce((sum, { bytes }) => sum + Number(bytes ?? 0), 0)
      return { accounts, records, additionalFields, notes, vaultBytes, historyBytes }
    },
  }
}
