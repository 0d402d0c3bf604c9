import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createAuditSigner } from '../../src/crypto/audit-signer'
import { copyDatabaseFile } from '../../src/database/sqlite-file'
import { completeCopiedRows } from '../../src/store/derived-columns'
import { newGeneration } from '../../src/store/generation'
import type { OpenedStore } from '../../src/store/store'
import { databaseOf, key, openSigningStore } from '../support/audit'
import { modeOf } from '../support/data-folder'
import { createLegacySqlite } from '../support/legacy-database'
import { startPostgresFirst } from '../support/postgres'
import { aUser, openVault, queryRows } from '../support/store'
import {
  createSqliteTestDatabase,
  enginesWithTables,
  startServerOn,
  type TestDatabase,
} from '../support/test-database'

startPostgresFirst('newest')

const theirs = { fingerprint: 'theirs', signer: createAuditSigner(new Uint8Array(32).fill(1)) }
const greatest = 2 ** 48 - 1

const revisionIn = async (store: OpenedStore) =>
  (await store.readOne((tx) => tx.users.findById('u')))?.revision

const changeVault = (store: OpenedStore) => store.write((tx) => openVault(tx, 'u'))

/** Returns the stored generation. Null if there is none. */
async function generationOf(database: Pick<TestDatabase, 'url'>): Promise<unknown> {
  const [fact] = await queryRows(database.url, "select value from facts where name = 'generation'")
  return fact?.['value'] ?? null
}

/** Opens a store without a key, with the account `u` whose vault was changed twice. */
async function openUsedStore(database: TestDatabase) {
  const store = await openSigningStore(database, null)
  await store.write((tx) => tx.users.insert(aUser({ id: 'u' })))
  for (let change = 0; change < 2; change++) await changeVault(store)
  return store
}

describe.each(enginesWithTables)('the generation of a database on $engine', ({ open }) => {
  test('is what its first server gives it, and is added to every revision', async () => {
    await using database = await open()
    await using store = await openUsedStore(database)
    expect(await revisionIn(store)).toBe(2)
    await store.claimKeyFingerprint({ ...key, generation: greatest })
    expect(await revisionIn(store)).toBe(greatest + 2)
    await changeVault(store)
    expect(await revisionIn(store)).toBe(greatest + 3)
    expect(await generationOf(database)).toBe('281474976710655')

    // Neither the next server with the key, nor one with another, which is refused.
    for (const claim of [key, { ...theirs, time: 2_000 }]) {
      const { fingerprint } = await store.claimKeyFingerprint({ ...claim, generation: 7 })
      expect(fingerprint).toBe(key.fingerprint)
      expect(await revisionIn(store)).toBe(greatest + 3)
    }
  })

  test('is forgotten where rows were copied into it, and set again by the next server', async () => {
    await using database = await open()
    {
      await using store = await openUsedStore(database)
      await store.claimKeyFingerprint({ ...key, generation: 1_000 })
    }
    const facts = () => queryRows(database.url, 'select name from facts order by name')
    const before = await facts()
    expect(before).toContainEqual({ name: 'generation' })
    await databaseOf(database).withExclusive({ create: false }, (exclusive) =>
      exclusive.transaction(() => completeCopiedRows(exclusive.db)),
    )
    expect(await facts()).toEqual(before.filter(({ name }) => name !== 'generation'))

    await using store = await openSigningStore(database, null)
    expect(await revisionIn(store)).toBe(2)
    // Although the database has a key.
    await store.claimKeyFingerprint({ ...key, generation: 5_000 })
    expect(await revisionIn(store)).toBe(5_002)
  })

  test('is random, and stays the same over restarts', async () => {
    await using database = await open()
    await using another = await open()
    for (const each of [database, another]) await (await startServerOn(each)).stop()
    const generation = await generationOf(database)
    expect(generation).toMatch(/^\d+$/)
    expect(await generationOf(another)).not.toBe(generation)
    await (await startServerOn(database)).stop()
    expect(await generationOf(database)).toBe(generation)
  })
})

test('a generation has 48 bits', () => {
  const of = (bytes: readonly number[]) =>
    newGeneration((count) => {
      expect(count).toBe(6)
      return new Uint8Array(bytes)
    })
  expect(of([0, 0, 0, 0, 0, 0])).toBe(0)
  expect(of([1, 2, 3, 4, 5, 6])).toBe(0x01_02_03_04_05_06)
  expect(of([255, 255, 255, 255, 255, 255])).toBe(greatest)
  // So each vault has more revisions than it will ever need.
  expect(greatest + 2 ** 52).toBeLessThan(Number.MAX_SAFE_INTEGER)
})

describe('a copy of a SQLite file', () => {
  test('has everything but the generation, and nothing beside it', async () => {
    await using database = await createSqliteTestDatabase()
    const path = database.url.slice('sqlite:'.length)
    const copy = join(dirname(path), 'copy.db')
    await using store = await openUsedStore(database)
    await store.claimKeyFingerprint({ ...key, generation: 1_000 })
    const before = await queryRows(database.url, 'select name, value from facts order by name')
    // While it is in use.
    await copyDatabaseFile(path, copy)
    const url = `sqlite:${copy}`
    expect(await queryRows(url, 'select name, value from facts order by name')).toEqual(
      before.filter(({ name }) => name !== 'generation'),
    )
    expect(await queryRows(url, 'select id, revision from users')).toEqual([
      { id: 'u', revision: 2 },
    ])
    expect(await generationOf({ url })).toBeNull()
    expect(await revisionIn(store)).toBe(1_002)
    expect(readdirSync(dirname(copy)).filter((name) => name.startsWith('copy.db'))).toEqual([
      'copy.db',
    ])
    expect(modeOf(copy)).toBe('600')
  })

  test('of the original server has everything', async () => {
    await using legacy = await createLegacySqlite()
    const path = legacy.url.slice('sqlite:'.length)
    const copy = join(legacy.folder, 'copy.db')
    await copyDatabaseFile(path, copy)
    expect(existsSync(`${copy}-journal`)).toBeFalse()
    const contentOf = (file: string) => {
      using opened = new Database(file, { readonly: true })
      const names = opened
        .query<{ name: string }, []>(
          "select name from sqlite_schema where type = 'table' order by name",
        )
        .all()
      return names.map(({ name }) => [name, opened.query(`select * from "${name}"`).all()])
    }
    expect(contentOf(copy)).toEqual(contentOf(path))
  })
})
