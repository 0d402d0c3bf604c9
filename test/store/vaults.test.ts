import { describe, expect, test } from 'bun:test'
import { DomainError } from '../../src/domain/errors'
import type { WritableVault } from '../../src/domain/vault'
import { anEvent, checkAuditLog, openSigningStore } from '../support/audit'
import { captureError } from '../support/capture-error'
import { startPostgresFirst } from '../support/postgres'
import { runTogether } from '../support/postgres-locks'
import { aUser, openVault } from '../support/store'
import { enginesWithTables, type TestDatabase } from '../support/test-database'

startPostgresFirst('newest')

const entry = { isFavorite: false, isTrashed: false, creationTime: 1, updateTime: 2, name: 'n:n' }
const aRecord = (id: string) => ({ ...entry, id, login: 'l:l', password: 'p:p' })
const aNote = (id: string) => ({ ...entry, id, content: 'c:c' })
const aField = (recordId: string, id: string) => ({ id, recordId, name: 'n:n', value: 'v:v' })

/** Opens a database with the accounts `u` and `other`. */
async function openStore(database: TestDatabase) {
  const store = await openSigningStore(database)
  await store.write(async (tx) => {
    for (const id of ['u', 'other']) await tx.users.insert(aUser({ id, emailConfirmed: false }))
  })
  const change = <T>(id: string, work: (vault: WritableVault) => Promise<T>) =>
    store.write(async (tx) => work(await openVault(tx, id)))
  return { ...store, change }
}

/** Returns the stored revisions of all accounts, records and notes, by their ids. */
async function revisionsOf(database: TestDatabase) {
  const of = async (table: 'users' | 'records' | 'notes') => {
    const rows = await database.sql(`select id, revision from ${table}`)
    return Object.fromEntries(rows.map(({ id, revision }) => [String(id), Number(revision)]))
  }
  return { users: await of('users'), records: await of('records'), notes: await of('notes') }
}

/** Changes of one vault, in this order, each in a transaction of its own; and the revisions of all entries after it. */
const changes: readonly {
  what: string
  run: (vault: WritableVault) => Promise<unknown>
  returns?: unknown
  records: Readonly<Record<string, number>>
  notes: Readonly<Record<string, number>>
}[] = [
  {
    what: 'a new record',
    run: ({ records }) => records.insert(aRecord('r')),
    records: { r: 1 },
    notes: {},
  },
  {
    what: 'a new note',
    run: ({ notes }) => notes.insert(aNote('n')),
    records: { r: 1 },
    notes: { n: 2 },
  },
  {
    what: 'a second record',
    run: ({ records }) => records.insert(aRecord('s')),
    records: { r: 1, s: 3 },
    notes: { n: 2 },
  },
  {
    what: 'a new field',
    run: ({ additionalFields }) => additionalFields.insert(aField('r', 'f')),
    returns: 'added',
    records: { r: 4, s: 3 },
    notes: { n: 2 },
  },
  {
    what: 'a changed record',
    run: ({ records }) => records.update(aRecord('s')),
    records: { r: 4, s: 5 },
    notes: { n: 2 },
  },
  {
    // It stays a field of its record, whatever record the change names.
    what: 'a changed field',
    run: ({ additionalFields }) => additionalFields.update(aField('s', 'f')),
    records: { r: 6, s: 5 },
    notes: { n: 2 },
  },
  {
    what: 'a second note',
    run: ({ notes }) => notes.insert(aNote('m')),
    records: { r: 6, s: 5 },
    notes: { n: 2, m: 7 },
  },
  {
    what: 'a changed note',
    run: ({ notes }) => notes.update(aNote('n')),
    records: { r: 6, s: 5 },
    notes: { n: 8, m: 7 },
  },
  {
    what: 'a deleted field',
    run: ({ additionalFields }) => additionalFields.delete('f'),
    records: { r: 9, s: 5 },
    notes: { n: 8, m: 7 },
  },
  {
    what: 'a trashed record',
    run: ({ records }) => records.trash('s'),
    records: { r: 9, s: 10 },
    notes: { n: 8, m: 7 },
  },
  {
    what: 'a trashed note',
    run: ({ notes }) => notes.trash('m'),
    records: { r: 9, s: 10 },
    notes: { n: 8, m: 11 },
  },
  {
    what: 'a deleted record',
    run: ({ records }) => records.deleteTrashed('s'),
    records: { r: 9 },
    notes: { n: 8, m: 11 },
  },
  {
    what: 'a deleted note',
    run: ({ notes }) => notes.deleteTrashed('m'),
    records: { r: 9 },
    notes: { n: 8 },
  },
]

describe.each(enginesWithTables)('the revision of a vault on $engine', ({ open }) => {
  test('is raised by each change, and kept with the entry that was changed', async () => {
    await using database = await open()
    await using store = await openStore(database)
    await store.change('other', async ({ records, notes }) => {
      await records.insert(aRecord('their record'))
      await notes.insert(aNote('their note'))
    })
    for (const [index, { what, run, returns = true, records, notes }] of changes.entries()) {
      expect(await store.change('u', run), what).toBe(returns)
      expect(await revisionsOf(database), what).toEqual({
        users: { u: index + 1, other: 1 },
        records: { ...records, 'their record': 1 },
        notes: { ...notes, 'their note': 1 },
      })
    }
    const found = await store.read((tx) => tx.users.findById('u'))
    expect(found?.revision).toBe(changes.length)
  })

  test('is one for all changes of a transaction', async () => {
    await using database = await open()
    await using store = await openStore(database)
    await store.change('u', async ({ records, notes, additionalFields }) => {
      for (const id of ['r', 's']) await records.insert(aRecord(id))
      await notes.insert(aNote('n'))
      await additionalFields.insert(aField('s', 'f'))
    })
    expect(await revisionsOf(database)).toEqual({
      users: { u: 1, other: 0 },
      records: { r: 1, s: 1 },
      notes: { n: 1 },
    })
  })

  test('is not raised by a transaction that throws', async () => {
    await using database = await open()
    await using store = await openStore(database)
    await store.change('u', async ({ records, notes, additionalFields }) => {
      await records.insert(aRecord('r'))
      await records.insert({ ...aRecord('s'), isTrashed: true })
      await notes.insert(aNote('n'))
      await additionalFields.insert(aField('r', 'f'))
    })
    const before = await revisionsOf(database)
    for (const run of [
      async () => {},
      ({ records }: WritableVault) => records.insert(aRecord('new')),
      ({ records }: WritableVault) => records.update(aRecord('r')),
      ({ records }: WritableVault) => records.trash('r'),
      ({ records }: WritableVault) => records.deleteTrashed('s'),
      ({ notes }: WritableVault) => notes.update(aNote('n')),
      ({ additionalFields }: WritableVault) => additionalFields.insert(aField('r', 'new')),
      ({ additionalFields }: WritableVault) => additionalFields.update(aField('r', 'f')),
      ({ additionalFields }: WritableVault) => additionalFields.delete('f'),
    ]) {
      const refused = store.change('u', async (vault) => {
        await run(vault)
        throw new DomainError('conflict', 'no')
      })
      expect(await captureError(refused)).toMatchObject({ code: 'conflict' })
      expect(await revisionsOf(database)).toEqual(before)
    }
  })

  test("is kept by entries that another vault's owner tries to change", async () => {
    await using database = await open()
    await using store = await openStore(database)
    await store.change('u', async ({ records, notes, additionalFields }) => {
      await records.insert(aRecord('r'))
      await notes.insert(aNote('n'))
      await additionalFields.insert(aField('r', 'f'))
    })
    const outcomes = await store.change('other', async ({ records, notes, additionalFields }) => [
      await records.insert(aRecord('r')),
      await records.update(aRecord('r')),
      await records.trash('r'),
      await notes.insert(aNote('n')),
      await notes.update(aNote('n')),
      await notes.trash('n'),
      await additionalFields.insert(aField('r', 'g')),
      await additionalFields.update(aField('r', 'f')),
      await additionalFields.delete('f'),
    ])
    expect(outcomes).toEqual([
      ...Array<false>(6).fill(false),
      'no such record',
      ...Array<false>(2).fill(false),
    ])
    expect(await revisionsOf(database)).toEqual({
      users: { u: 1, other: 1 },
      records: { r: 1 },
      notes: { n: 1 },
    })
  })

  test('is not raised by what happens to the account', async () => {
    await using database = await open()
    await using store = await openStore(database)
    await store.change('u', ({ records }) => records.insert(aRecord('r')))
    const before = await revisionsOf(database)
    await store.write(async (tx) => {
      await tx.users.recordLogin('u', 5)
      await tx.users.confirmEmail('u', (await tx.users.findById('u'))?.email ?? '')
      await tx.users.replacePasswordHash('u', { from: aUser().passwordHash, to: '$new' })
      await tx.users.replaceSessionEpoch('u', 'next')
      await tx.users.setDisabled('u', true)
      await tx.users.setDisabled('u', false)
    })
    expect(await revisionsOf(database)).toEqual(before)
  })
})

describe.each(enginesWithTables)('writers at the same time on $engine', ({ open }) => {
  /** Runs six writes at once that insert a record and record an event each, and see what the others have written. */
  async function writeTogether(
    database: TestDatabase,
    lock: string,
    ownerOf: (n: number) => string,
  ) {
    const store = await openStore(database)
    await using _ = store
    for (let index = 0; index < 6; index++)
      await store.write((tx) => tx.users.insert(aUser({ id: `u${index}` })))
    let runs = 0
    const works = Array.from({ length: 6 }, (_, index) => async () => {
      const owner = ownerOf(index)
      return await store.write(async (tx) => {
        runs++
        const vault = await openVault(tx, owner)
        const size = await tx.vaults.size(owner)
        tx.audit.record(anEvent(index))
        return { size, inserted: await vault.records.insert(aRecord(`r${index}`)) }
      })
    })
    const outcomes =
      database.engine === 'Postgres'
        ? await runTogether(database.url, lock, works)
        : await Promise.all(works.map((work) => work()))
    expect(outcomes.map(({ inserted }) => inserted)).toEqual(Array(6).fill(true))
    // No work was done in vain: none had to be repeated.
    expect(runs).toBe(6)
    expect(await checkAuditLog(database)).toMatchObject({ rows: 7, unsigned: 0, problems: [] })
    return {
      sizes: outcomes.map(({ size }) => size).sort((a, b) => a - b),
      revisions: await revisionsOf(database),
    }
  }

  test('take turns in one vault: each sees what those before it have written', async () => {
    await using database = await open()
    const lock = `select 1 from users where id = 'u0' for update`
    const { sizes, revisions } = await writeTogether(database, lock, () => 'u0')
    const sizeOfOne = 512 + 9
    expect(sizes).toEqual([0, 1, 2, 3, 4, 5].map((count) => count * sizeOfOne))
    expect(Object.values(revisions.records).sort()).toEqual([1, 2, 3, 4, 5, 6])
    expect(revisions.users).toMatchObject({ u0: 6, u1: 0 })
  })

  test('of different vaults wait for each other only to append to the audit log', async () => {
    await using database = await open()
    const lock = 'lock table audit_marks in exclusive mode'
    const { sizes, revisions } = await writeTogether(database, lock, (index) => `u${index}`)
    expect(sizes).toEqual(Array(6).fill(0))
    expect(Object.values(revisions.records)).toEqual(Array(6).fill(1))
    expect(revisions.users).toMatchObject({ u0: 1, u5: 1, other: 0 })
  })
})

describe.each(enginesWithTables)('the fields of a record on $engine', ({ open }) => {
  test('may be more than one statement can insert, come in their order, and are refused together', async () => {
    await using database = await open()
    await using store = await openSigningStore(database)
    const user = aUser()
    await store.write((tx) => tx.users.insert(user))
    // Postgres takes 65,535 parameters, which are 16,383 fields.
    const fields = Array.from({ length: 17_001 }, (_, index) => aField('r', `f${index}`))
    const inserted = await store.write(async (tx) => {
      const vault = await openVault(tx, user.id)
      for (const id of ['r', 's']) await vault.records.insert(aRecord(id))
      const last = fields.slice(-1)
      return [
        await vault.additionalFields.insertAll('r', fields),
        await vault.additionalFields.insertAll('s', [aField('s', 'new'), ...last]),
        await vault.additionalFields.insertAll('s', []),
      ]
    })
    expect(inserted).toEqual([true, false, true])
    const [record] = await store.read((tx) => tx.records.listByIds(user.id, ['r', 'nobody', 'x']))
    expect(record?.additionalFields).toEqual(fields)
  })
})
