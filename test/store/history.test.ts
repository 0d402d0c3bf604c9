import { describe, expect, test } from 'bun:test'
import type { HistoryKeeping, WritableVault } from '../../src/domain/vault'
import { openSigningStore } from '../support/audit'
import { startPostgresFirst } from '../support/postgres'
import { aUser, openVault } from '../support/store'
import { enginesWithTables, type TestDatabase } from '../support/test-database'

/* What of a vault is kept before a change, and for how long. Rules and answers are in test/http/history.test.ts. */

startPostgresFirst('newest')

const minute = 60_000
const entry = { isFavorite: false, isTrashed: false, creationTime: 1, updateTime: 2 }
const aRecord = (id: string, name = 'n:n', change = {}) => ({
  ...{ ...entry, id, name, login: 'l:l', password: 'p:p' },
  ...change,
})
const aNote = (id: string, name = 'n:n', change = {}) => ({
  ...{ ...entry, id, name, content: 'c:c' },
  ...change,
})
const aField = (recordId: string, id: string, value = 'v:v') => ({
  ...{ id, recordId, name: 'n:n', value },
})

/** Bytes of a version of a record without fields. */
const sizeOfOne = 512 + 9

/** Opens a database with the accounts `u` and `other`, and a clock that a test sets. */
async function openStore(database: TestDatabase, maxBytes = 1e6) {
  const store = await openSigningStore(database)
  await store.write(async (tx) => {
    for (const id of ['u', 'other']) await tx.users.insert(aUser({ id }))
  })
  const time = { now: 1_000 * minute }
  const changeAs = <T>(
    id: string,
    keeping: HistoryKeeping | null,
    work: (vault: WritableVault) => Promise<T>,
  ) => store.write(async (tx) => work(await openVault(tx, id, keeping)))
  return {
    ...store,
    time,
    changeAs,
    change: <T>(work: (vault: WritableVault) => Promise<T>) =>
      changeAs('u', { now: time.now, maxBytes }, work),
    /** Returns what is kept of an account, the newest first: kind, id and reason, name, and fields with their values. */
    async kept(id = 'u') {
      const versions = await store.read((tx) => tx.history.list(id))
      const lines: string[] = []
      for (const { number, kind, entryId, reason } of versions) {
        const { records, notes } = await store.read((tx) => tx.history.read(id, { number }))
        const fields = records.flatMap((record) => record.entry.additionalFields)
        const values = fields.map((field) => ` ${field.id}=${field.value}`).join('')
        const [{ entry } = { entry: null }] = [...records, ...notes]
        lines.push(`${kind} ${entryId} ${reason}: ${entry?.name}${values}`)
      }
      return lines
    },
  }
}

/** Returns what the rows of accounts say of their history, and what is there. */
async function totalsOf(database: TestDatabase) {
  const rows = await database.sql(
    `select id, history_number, history_bytes,
      (select count(*) from history where user_id = users.id) as versions,
      coalesce((select sum(size) from history where user_id = users.id), 0) as bytes
    from users order by id`,
  )
  return Object.fromEntries(
    rows.map((row) => [
      String(row['id']),
      ['history_number', 'history_bytes', 'versions', 'bytes'].map((name) => Number(row[name])),
    ]),
  )
}

describe.each(enginesWithTables)('the history of a vault on $engine', ({ open }) => {
  test('keeps an entry whole before ciphertext of it is replaced or it is deleted, and at no other change', async () => {
    await using database = await open()
    await using store = await openStore(database)
    const { time, change, kept } = store
    let expected: string[] = []
    const step = async (
      what: string,
      work: (vault: WritableVault) => Promise<unknown>,
      ...versions: string[]
    ) => {
      time.now += 10 * minute
      await change(work)
      expected = [...versions, ...expected]
      expect(await kept(), what).toEqual(expected)
    }
    await step('new entries', async ({ records, notes, additionalFields }) => {
      await records.insert(aRecord('r', '1:1'))
      await notes.insert(aNote('x', '1:1'))
      for (const id of ['f', 'g']) await additionalFields.insert(aField('r', id, '1:1'))
    })
    await step('other flags', async ({ records, notes }) => {
      await records.update(aRecord('r', '1:1', { isFavorite: true, isTrashed: true }))
      await notes.update(aNote('x', '1:1', { isFavorite: true, isTrashed: true }))
    })
    await step('trash and back', async ({ records, notes }) => {
      await records.trash('r')
      await notes.trash('x')
      await records.update(aRecord('r', '1:1'))
      await notes.update(aNote('x', '1:1'))
    })
    await step(
      'another name of the record',
      ({ records }) => records.update(aRecord('r', '2:2')),
      'record r replaced: 1:1 f=1:1 g=1:1',
    )
    await step(
      'another login',
      ({ records }) => records.update(aRecord('r', '2:2', { login: 'L:L' })),
      'record r replaced: 2:2 f=1:1 g=1:1',
    )
    await step(
      'another password',
      ({ records }) => records.update(aRecord('r', '2:2', { login: 'L:L', password: 'P:P' })),
      'record r replaced: 2:2 f=1:1 g=1:1',
    )
    await step(
      'another name of the note',
      ({ notes }) => notes.update(aNote('x', '2:2')),
      'note x replaced: 1:1',
    )
    await step(
      'other content',
      ({ notes }) => notes.update(aNote('x', '2:2', { content: 'C:C' })),
      'note x replaced: 2:2',
    )
    await step('an equal field', ({ additionalFields }) =>
      additionalFields.update(aField('r', 'f', '1:1')),
    )
    await step(
      'another value of a field',
      ({ additionalFields }) => additionalFields.update(aField('r', 'f', '2:2')),
      'record r replaced: 2:2 f=1:1 g=1:1',
    )
    await step(
      'another name of a field',
      ({ additionalFields }) =>
        additionalFields.update({ ...aField('r', 'f', '2:2'), name: 'N:N' }),
      'record r replaced: 2:2 f=2:2 g=1:1',
    )
    await step(
      'a deleted field',
      ({ additionalFields }) => additionalFields.delete('f'),
      'record r replaced: 2:2 f=2:2 g=1:1',
    )
    await step('a deletion outside the trash', async ({ records, notes }) => {
      await records.deleteTrashed('r')
      await notes.deleteTrashed('x')
    })
    await step(
      'a deletion from the trash',
      async ({ records, notes }) => {
        await records.trash('r')
        await records.deleteTrashed('r')
        await notes.trash('x')
        await notes.deleteTrashed('x')
      },
      'note x deleted: 2:2',
      'record r deleted: 2:2 g=1:1',
    )
    await step('new entries with these ids', async ({ records, notes }) => {
      await records.insert(aRecord('r', '3:3'))
      await records.insert(aRecord('s', '3:3'))
      await notes.insert(aNote('x', '3:3'))
    })
    await step(
      'a deletion of several',
      async ({ records, notes }) => {
        await records.deleteAll(['r', 'nothing', 's'])
        await notes.deleteAll(['x'])
      },
      'note x deleted: 3:3',
      'record s deleted: 3:3',
      'record r deleted: 3:3',
    )
    const { u } = await totalsOf(database)
    expect(u?.[1]).toBe(u?.[3])
  })

  test('keeps the state before a burst of changes, and the last one before a deletion', async () => {
    await using database = await open()
    await using store = await openStore(database)
    const { time, change, kept } = store
    await change(async ({ records, additionalFields }) => {
      await records.insert(aRecord('r', '0:0'))
      await additionalFields.insert(aField('r', 'f', '0:0'))
    })
    // One change each request, in any order, as the old clients send them.
    for (const work of [
      ({ additionalFields }: WritableVault) => additionalFields.update(aField('r', 'f', '1:1')),
      ({ records }: WritableVault) => records.update(aRecord('r', '1:1')),
      ({ additionalFields }: WritableVault) => additionalFields.delete('f'),
      ({ records }: WritableVault) => records.update(aRecord('r', '2:2')),
    ]) {
      await change(work)
      time.now += 2 * minute
      expect(await kept()).toEqual(['record r replaced: 0:0 f=0:0'])
    }
    time.now += 2 * minute - 1
    await change(({ records }) => records.update(aRecord('r', '3:3')))
    expect(await kept()).toHaveLength(1)
    time.now += 1
    await change(({ records }) => records.update(aRecord('r', '4:4')))
    expect(await kept()).toEqual(['record r replaced: 3:3', 'record r replaced: 0:0 f=0:0'])
    await change(({ records }) => records.update(aRecord('r', '5:5', { isTrashed: true })))
    await change(({ records }) => records.deleteTrashed('r'))
    expect((await kept())[0]).toBe('record r deleted: 5:5')
    // A clock that was ahead dated a version: what changes afterwards is kept all the same.
    await change(({ records }) => records.insert(aRecord('r', '6:6')))
    time.now -= 500 * minute
    await change(({ records }) => records.update(aRecord('r', '7:7')))
    expect((await kept())[0]).toBe('record r replaced: 6:6')
  })

  test('is that of each entry and account alone', async () => {
    await using database = await open()
    await using store = await openStore(database)
    const { change, changeAs, kept, time } = store
    const theirs = { now: time.now, maxBytes: 1e6 }
    await change(async ({ records, notes, additionalFields }) => {
      for (const id of ['r', 's']) await records.insert(aRecord(id, `of:${id}`))
      // The same id, but another kind.
      await notes.insert(aNote('r', 'of:note'))
      await additionalFields.insert(aField('r', 'f'))
    })
    await changeAs('other', theirs, async ({ records, notes, additionalFields }) => {
      await records.update(aRecord('r', 'evil:1'))
      await records.deleteAll(['r'])
      await records.deleteTrashed('r')
      await notes.update(aNote('r', 'evil:1'))
      await additionalFields.update(aField('r', 'f', 'evil:1'))
      await additionalFields.delete('f')
    })
    expect(await kept()).toEqual([])
    expect(await kept('other')).toEqual([])
    await change(({ records }) => records.update(aRecord('r', '2:2')))
    await change(({ records }) => records.update(aRecord('s', '2:2')))
    await change(({ notes }) => notes.update(aNote('r', '2:2')))
    expect(await kept()).toEqual([
      'note r replaced: of:note',
      'record s replaced: of:s',
      'record r replaced: of:r f=v:v',
    ])
    expect(await kept('other')).toEqual([])
    const [version] = await store.read((tx) => tx.history.list('u'))
    const number = version?.number ?? 0
    expect(await store.read((tx) => tx.history.read('other', { number }))).toEqual({
      ...{ records: [], notes: [] },
    })
    const { records, notes } = await store.read((tx) => tx.history.read('u', { entryId: 'r' }))
    expect([records.length, notes.length]).toEqual([1, 1])
  })

  test('holds the ten latest versions of an entry', async () => {
    await using database = await open()
    await using store = await openStore(database)
    const { time, change, kept } = store
    await change(async ({ records, additionalFields }) => {
      await records.insert(aRecord('r', '0:0'))
      await records.insert(aRecord('s', '0:0'))
      await additionalFields.insert(aField('r', 'f', '0:0'))
    })
    await change(({ records }) => records.update(aRecord('s', '1:1')))
    // The same id, but another kind.
    await change(async ({ notes }) => {
      await notes.insert(aNote('r', '0:0'))
      await notes.update(aNote('r', '1:1'))
    })
    for (let index = 1; index <= 12; index++) {
      await change(({ records }) => records.update(aRecord('r', `${index}:${index}`)))
      time.now += 10 * minute
    }
    expect(await kept()).toEqual([
      ...Array.from({ length: 10 }, (_, age) => `record r replaced: ${11 - age}:${11 - age} f=0:0`),
      'note r replaced: 0:0',
      'record s replaced: 0:0',
    ])
    const size = sizeOfOne + 512 + 6
    expect(await totalsOf(database)).toMatchObject({
      u: [14, expect.any(Number), 12, expect.any(Number)],
    })
    const { u } = await totalsOf(database)
    expect(u?.[1]).toBe(u?.[3])
    expect(u?.[1]).toBeGreaterThan(10 * size)
  })

  test('is bounded: the oldest versions go first, and one that is too large is not kept', async () => {
    await using database = await open()
    await using store = await openStore(database, 3 * sizeOfOne)
    const { change, kept } = store
    const ids = ['a', 'b', 'c', 'd', 'e']
    await change(async ({ records }) => {
      for (const id of ids) await records.insert(aRecord(id))
    })
    for (const id of ids) await change(({ records }) => records.update(aRecord(id, 'm:m')))
    expect(await kept()).toEqual(['e', 'd', 'c'].map((id) => `record ${id} replaced: n:n`))
    const large = 'x'.repeat(4 * sizeOfOne)
    await change(({ notes }) => notes.insert(aNote('large', `${large}:x`)))
    await change(({ notes }) => notes.update(aNote('large')))
    expect(await kept()).toHaveLength(3)
    // At once as one after the other.
    await change(({ records }) => records.deleteAll(ids))
    expect(await kept()).toEqual(['e', 'd', 'c'].map((id) => `record ${id} deleted: m:m`))
    expect(await totalsOf(database)).toEqual({
      u: [11, 3 * sizeOfOne, 3, 3 * sizeOfOne],
      other: [0, 0, 0, 0],
    })
  })

  test('has its times corrected and redated to the bounds, and is deleted for one account', async () => {
    await using database = await open()
    await using store = await openStore(database)
    /** Keeps one version of another record at each time. */
    const keepAt = async (id: string, times: readonly number[]) => {
      for (const now of times)
        await store.changeAs(id, { now, maxBytes: 1e6 }, async ({ records }) => {
          await records.insert(aRecord(`${id} at ${now}`))
          await records.update(aRecord(`${id} at ${now}`, '1:1'))
        })
    }
    const timesOf = async (id: string) =>
      (await store.read((tx) => tx.history.list(id))).map(({ time }) => time).reverse()
    await keepAt('u', [999, 1_000, 2_000, 2_001])
    await keepAt('other', [1_500])
    await store.write((tx) => tx.history.correct({ from: 1_000, to: 2_000, by: 50_000 }))
    expect([await timesOf('u'), await timesOf('other')]).toEqual([
      ...[[999, 51_000, 52_000, 2_001], [51_500]],
    ])
    // The clocks of servers may differ by five minutes.
    const now = 1_000_000
    const latest = now + 5 * minute
    await keepAt('u', [latest, latest + 1])
    const [before, earliest] = [0, 51_500]
    await store.write((tx) => tx.history.redate({ now, before, earliest }))
    expect([await timesOf('u'), await timesOf('other')]).toEqual([
      ...[[now, now, 52_000, now, latest, now], [51_500]],
    ])
    expect(await store.write((tx) => tx.history.deleteOld('u', 52_000))).toBe(1)
    expect([await timesOf('u'), await timesOf('other')]).toEqual([
      ...[[now, now, now, latest, now], [51_500]],
    ])
    expect(await totalsOf(database)).toEqual({
      u: [6, 5 * sizeOfOne, 5, 5 * sizeOfOne],
      other: [1, sizeOfOne, 1, sizeOfOne],
    })
  })

  test('fails no write, whatever the row of its account says', async () => {
    await using database = await open()
    await using store = await openStore(database, 3 * sizeOfOne)
    const { change, kept } = store
    /** Changes it so long after the last time that this state is kept as well. */
    const rename = async (name: string) => {
      store.time.now += 60 * minute
      await change(({ records }) => records.update(aRecord('a', name)))
    }
    await change(({ records }) => records.insert(aRecord('a')))
    await rename('1:1')
    await database.sql('update users set history_bytes = 1000000000')
    await rename('2:2')
    expect(await kept()).toEqual([])
    await rename('3:3')
    expect(await kept()).toEqual(['record a replaced: 2:2'])
    expect((await totalsOf(database))['u']).toEqual([3, sizeOfOne, 1, sizeOfOne])
  })

  test('is forgotten at once, and counts on', async () => {
    await using database = await open()
    await using store = await openStore(database)
    const { change, changeAs, kept, time } = store
    for (const id of ['u', 'other']) {
      await changeAs(
        id,
        { now: time.now, maxBytes: 1e6 },
        async ({ records, additionalFields }) => {
          await records.insert(aRecord(`r of ${id}`))
          await additionalFields.insert(aField(`r of ${id}`, `f of ${id}`))
          await records.update(aRecord(`r of ${id}`, '1:1'))
        },
      )
    }
    // As a change of the master password does it, in a transaction that keeps nothing.
    await changeAs('u', null, async ({ records, history }) => {
      await records.update(aRecord('r of u', 'rekeyed:1'))
      await history.forget()
    })
    expect(await kept()).toEqual([])
    expect(await kept('other')).toHaveLength(1)
    await change(({ records }) => records.update(aRecord('r of u', '2:2')))
    expect(await kept()).toEqual(['record r of u replaced: rekeyed:1 f of u=v:v'])
    const { u } = await totalsOf(database)
    expect(u?.[0]).toBe(2)
    expect(u?.[1]).toBe(u?.[3])
  })

  test('is not kept where that is off, and goes with the account', async () => {
    await using database = await open()
    await using store = await openStore(database)
    const { changeAs, change, kept } = store
    await changeAs('u', null, async ({ records, notes, history }) => {
      await records.insert(aRecord('r', '1:1', { isTrashed: true }))
      await notes.insert(aNote('n'))
      await records.update(aRecord('r', '2:2', { isTrashed: true }))
      await history.keepAlways('note', ['n'])
      await records.deleteTrashed('r')
      await notes.deleteAll(['n'])
    })
    expect(await kept()).toEqual([])
    await change(async ({ records }) => {
      await records.insert(aRecord('r'))
      await records.update(aRecord('r', '1:1'))
    })
    expect(await kept()).toHaveLength(1)
    await store.write((tx) => tx.users.delete('u'))
    expect(await database.sql('select 1 from history')).toEqual([])
  })
})
