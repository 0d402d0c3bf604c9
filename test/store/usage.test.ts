import { describe, expect, test } from 'bun:test'
import { openSigningStore } from '../support/audit'
import { startPostgresFirst } from '../support/postgres'
import { aUser, openVault } from '../support/store'
import { enginesWithTables } from '../support/test-database'

startPostgresFirst('newest')

const entry = { isFavorite: false, isTrashed: false, creationTime: 1, updateTime: 2, name: 'n:n' }

describe.each(enginesWithTables)('what is stored on $engine', ({ open }) => {
  test('is nothing in an empty database', async () => {
    await using database = await open()
    await using store = await openSigningStore(database)
    expect(await store.read((tx) => tx.usage.find())).toEqual({
      accounts: { confirmed: 0, unconfirmed: 0, disabled: 0, deleted: 0 },
      records: 0,
      additionalFields: 0,
      notes: 0,
      vaultBytes: 0,
      historyBytes: 0,
    })
  })

  test('is counted over all accounts, each in one state, and as large as quotas count it', async () => {
    await using database = await open()
    await using store = await openSigningStore(database)
    await store.write(async (tx) => {
      for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
        const user = aUser({ id, emailConfirmed: id !== 'c' && id !== 'e' })
        await tx.users.insert(user)
        if (id > 'e') await tx.users.hide(user, { time: 5, epoch: 'other' })
      }
      for (const id of ['d', 'e', 'f']) await tx.users.setDisabled(id, true)
      for (const [id, keeping] of [
        ['a', { now: 1, maxBytes: 1e6 }],
        ['b', null],
      ] as const) {
        const vault = await openVault(tx, id, keeping)
        const record = { ...entry, id: `r${id}`, login: 'é:l', password: 'p:p' }
        await vault.records.insert(record)
        await vault.notes.insert({ ...entry, id: `n${id}`, content: 'c:cc', isTrashed: true })
        for (const name of ['1', '2'])
          await vault.additionalFields.insert({
            ...{ id: `${name}${id}`, recordId: record.id, name: 'n:n', value: 'v:v' },
          })
        await vault.records.update({ ...record, password: 'q:q' })
      }
    })
    const usage = await store.read((tx) => tx.usage.find())
    const sizes = await store.read((tx) =>
      Promise.all([tx.vaults.size('a'), tx.vaults.size('b'), tx.history.size('a')]),
    )
    const [a, b, history] = sizes
    expect(usage).toEqual({
      accounts: { confirmed: 2, unconfirmed: 1, disabled: 2, deleted: 2 },
      records: 2,
      additionalFields: 4,
      notes: 2,
      vaultBytes: a + b,
      historyBytes: history.bytes,
    })
    const { vaultBytes: _, historyBytes: __, ...counts } = usage
    expect(await store.read((tx) => tx.usage.count())).toEqual(counts)
    // A row counts 512 bytes besides its texts.
    expect([a, history.bytes]).toEqual([4 * 512 + 10 + 7 + 2 * 6, 3 * 512 + 10 + 2 * 6])
  })
})
