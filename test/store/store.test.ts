import { describe, expect, test } from 'bun:test'
import type { Store } from '../../src/domain/store'
import type { Note, VaultRecord } from '../../src/domain/vault'
import { captureError } from '../support/capture-error'
import { startPostgresFirst } from '../support/postgres'
import { aUser, openPostgresStore, openSqliteStore, type TestStore } from '../support/store'

startPostgresFirst('newest', 'oldest')

const engines: { engine: string; open: () => Promise<TestStore> }[] = [
  { engine: 'SQLite', open: openSqliteStore },
  { engine: 'Postgres', open: () => openPostgresStore() },
  { engine: 'Postgres 10', open: () => openPostgresStore('oldest') },
]

const entry = (owner: string, id: string) => ({
  id,
  owner,
  isFavorite: false,
  isTrashed: false,
  creationTime: 1_000,
  updateTime: 2_000,
})
const aRecord = (owner: string, id: string): VaultRecord => ({
  ...entry(owner, id),
  name: 'n:n',
  login: 'l:l',
  password: 'p:p',
})
const aNote = (owner: string, id: string): Note => ({
  ...entry(owner, id),
  name: 'n:n',
  content: 'c:c',
})
const aField = (recordId: string, id: string) => ({ id, recordId, name: 'n:n', value: 'v:v' })

async function insertUser(store: Store) {
  const user = aUser()
  await store.write((tx) => tx.users.insert(user))
  return user
}

describe.each(engines)('the store on $engine', ({ open }) => {
  test('returns users with all their values, by id and by email', async () => {
    await using store = await open()
    const user = aUser({ hint: 'улитка 🐌', emailConfirmed: false })
    expect(await store.write((tx) => tx.users.insert(user))).toBeTrue()
    const found = await store.read(async (tx) => [
      await tx.users.findById(user.id),
      await tx.users.findByEmail(user.email),
      await tx.users.findById('nobody'),
      await tx.users.findByEmail('nobody@nas.local'),
    ])
    expect(found).toEqual([user, user, null, null])
  })

  test('sends one statement for a read of one query', async () => {
    await using store = await open()
    const user = await insertUser(store)
    let found: unknown
    const count = await store.countStatements(async () => {
      found = await store.readOne((tx) => tx.users.findById(user.id))
    })
    expect(found).toEqual(user)
    expect(count).toBe(1)
  })

  test('returns what a session depends on, and keeps it unchanged until the transaction ends', async () => {
    await using store = await open()
    const [user, other] = [await insertUser(store), await insertUser(store)]
    await store.write((tx) => tx.users.replaceSessionEpoch(other.id, 'another epoch'))
    const order: string[] = []
    let disabling: Promise<unknown> = Promise.resolve()
    await store.write(async (tx) => {
      expect(await tx.users.lockSession('nobody')).toBeNull()
      expect(await tx.users.lockSession(user.id)).toEqual({
        sessionEpoch: user.sessionEpoch,
        isDisabled: false,
      })
      disabling = store
        .write((later) => later.users.setDisabled(user.id, true))
        .then(() => order.push('disabled'))
      // Enough round trips for the other transaction to commit, if it did not have to wait.
      for (let trip = 0; trip < 50; trip++) await tx.users.findByEmail(user.email)
      await tx.records.insert(aRecord(user.id, 'r'))
      order.push('written')
    })
    await disabling
    expect(order).toEqual(['written', 'disabled'])
    const locked = (id: string) => store.write((tx) => tx.users.lockSession(id))
    expect(await locked(user.id)).toEqual({ sessionEpoch: user.sessionEpoch, isDisabled: true })
    expect(await locked(other.id)).toEqual({ sessionEpoch: 'another epoch', isDisabled: false })
  })

  test('measures a vault in bytes: its texts in UTF-8 and an overhead for each row', async () => {
    await using store = await open()
    const owner = await insertUser(store)
    const other = await insertUser(store)
    const size = (user = owner) => store.read((tx) => tx.vaults.size(user.id))
    expect(await size()).toBe(0)
    await store.write(async (tx) => {
      await tx.records.insert({ ...aRecord(owner.id, 'r'), name: 'ключ:🐌' })
      await tx.notes.insert({ ...aNote(owner.id, 'n'), content: `${'c'.repeat(99_998)}:c` })
      await tx.additionalFields.insert(aField('r', 'f'))
      await tx.records.insert(aRecord(other.id, 'other'))
    })
    // 13 bytes for the name, three for each other text.
    expect(await size()).toBe(3 * 512 + (13 + 3 + 3) + (3 + 100_000) + (3 + 3))
    expect(await size(other)).toBe(512 + 9)
  })

  test('accepts an id and an email once, also from concurrent sign-ups', async () => {
    await using store = await open()
    const user = await insertUser(store)
    const insert = (other: typeof user) => store.write((tx) => tx.users.insert(other))
    expect(await insert(aUser({ id: user.id }))).toBeFalse()
    expect(await insert(aUser({ email: user.email }))).toBeFalse()
    const racing = aUser()
    const outcomes = await Promise.all([insert(racing), insert({ ...racing }), insert(racing)])
    expect(outcomes.filter(Boolean)).toEqual([true])
  })

  test('replaces a password hash only if it is still the one that was read', async () => {
    await using store = await open()
    const user = await insertUser(store)
    const change = (from: string, to: string) =>
      store.write((tx) => tx.users.replacePasswordHash(user.id, { from, to }))
    await change('another', 'lost')
    await change(user.passwordHash, 'new')
    await change(user.passwordHash, 'late')
    const found = await store.read((tx) => tx.users.findById(user.id))
    expect(found).toEqual({ ...user, passwordHash: 'new' })
  })

  test("reports whether any password hash is still of the original server's kind", async () => {
    await using store = await open()
    const hasLegacyHashes = () => store.read((tx) => tx.users.hasLegacyPasswordHashes())
    await insertUser(store)
    expect(await hasLegacyHashes()).toBeFalse()
    const legacyUser = aUser({ passwordHash: 'RPWNycSWX4f56NRxaqZq3YUfAcwObkHt+E51T6Dtwn0=' })
    await store.write((tx) => tx.users.insert(legacyUser))
    expect(await hasLegacyHashes()).toBeTrue()
  })

  test('confirms the email of an account once, and no other email', async () => {
    await using store = await open()
    const user = aUser({ emailConfirmed: false })
    await store.write((tx) => tx.users.insert(user))
    const confirm = (email: string) => store.write((tx) => tx.users.confirmEmail(user.id, email))
    expect(await confirm('other@nas.local')).toBeFalse()
    expect(await confirm(user.email)).toBeTrue()
    expect(await confirm(user.email)).toBeFalse()
    const found = await store.read((tx) => tx.users.findById(user.id))
    expect(found?.emailConfirmed).toBeTrue()
  })

  test('lists records and their fields in the order in which they were added', async () => {
    await using store = await open()
    const { id: owner } = await insertUser(store)
    const { id: other } = await insertUser(store)
    await store.write(async (tx) => {
      for (const id of ['z', 'a', 'm']) await tx.records.insert(aRecord(owner, id))
      await tx.records.insert(aRecord(other, 'theirs'))
      for (const [record, id] of [
        ['m', '9'],
        ['z', '5'],
        ['m', '1'],
        ['theirs', '3'],
        ['z', '4'],
      ] as const) {
        await tx.additionalFields.insert(aField(record, id))
      }
      await tx.records.update({ ...aRecord(owner, 'z'), name: 'new:name', updateTime: 3_000 })
    })
    expect(await store.read((tx) => tx.records.listByOwner(owner))).toEqual([
      {
        ...aRecord(owner, 'z'),
        name: 'new:name',
        updateTime: 3_000,
        additionalFields: [aField('z', '5'), aField('z', '4')],
      },
      { ...aRecord(owner, 'a'), additionalFields: [] },
      { ...aRecord(owner, 'm'), additionalFields: [aField('m', '9'), aField('m', '1')] },
    ])
    const fields = await store.read((tx) => tx.additionalFields.listByRecord('m'))
    expect(fields).toEqual([aField('m', '9'), aField('m', '1')])
  })

  test('lists records with as many queries for two hundred as for one', async () => {
    await using store = await open()
    const { id: owner } = await insertUser(store)
    const countQueries = () =>
      store.countStatements(() => store.read((tx) => tx.records.listByOwner(owner)))
    await store.write((tx) => tx.records.insert(aRecord(owner, 'first')))
    const forOne = await countQueries()
    await store.write(async (tx) => {
      for (let index = 0; index < 199; index++) {
        await tx.records.insert(aRecord(owner, `r${index}`))
        await tx.additionalFields.insert(aField(`r${index}`, `f${index}`))
      }
    })
    expect(await countQueries()).toBe(forOne)
    // Begin and commit of the transaction, the records, and their fields.
    expect(forOne).toBe(4)
  })

  test('lists notes in the order in which they were added', async () => {
    await using store = await open()
    const { id: owner } = await insertUser(store)
    await store.write(async (tx) => {
      for (const id of ['z', 'a']) await tx.notes.insert(aNote(owner, id))
    })
    const notes = await store.read((tx) => tx.notes.listByOwner(owner))
    expect(notes).toEqual([aNote(owner, 'z'), aNote(owner, 'a')])
  })

  describe.each(['records', 'notes'] as const)('of %s', (kind) => {
    const insert = (store: Store, owner: string, id: string) =>
      store.write((tx) =>
        kind === 'records'
          ? tx.records.insert(aRecord(owner, id))
          : tx.notes.insert(aNote(owner, id)),
      )

    test('accepts an id once, for all users together', async () => {
      await using store = await open()
      const [first, second] = [await insertUser(store), await insertUser(store)]
      expect(await insert(store, first.id, 'x')).toBeTrue()
      expect(await insert(store, second.id, 'x')).toBeFalse()
      expect(await store.read((tx) => tx[kind].findOwner('x'))).toBe(first.id)
    })

    test('trashes, then deletes, for the owner only', async () => {
      await using store = await open()
      const { id: owner } = await insertUser(store)
      await insert(store, owner, 'x')
      const outcomes = await store.write(async (tx) => [
        await tx[kind].trash('stranger', 'x'),
        await tx[kind].deleteTrashed(owner, 'x'),
        await tx[kind].trash(owner, 'x'),
        await tx[kind].trash(owner, 'x'),
        await tx[kind].deleteTrashed('stranger', 'x'),
        await tx[kind].deleteTrashed(owner, 'x'),
        await tx[kind].deleteTrashed(owner, 'x'),
      ])
      expect(outcomes).toEqual([false, false, true, false, false, true, false])
      expect(await store.read((tx) => tx[kind].findOwner('x'))).toBeNull()
    })
  })

  test('throws `not_found` for a field of a record that no longer exists', async () => {
    await using store = await open()
    const adding = store.write((tx) => tx.additionalFields.insert(aField('gone', 'f')))
    expect(await captureError(adding)).toMatchObject({ code: 'not_found' })
  })

  test('deletes the fields of a record with it', async () => {
    await using store = await open()
    const { id: owner } = await insertUser(store)
    await store.write(async (tx) => {
      await tx.records.insert({ ...aRecord(owner, 'x'), isTrashed: true })
      await tx.additionalFields.insert(aField('x', 'f'))
      await tx.records.deleteTrashed(owner, 'x')
    })
    expect(await store.read((tx) => tx.additionalFields.findOwner('f'))).toBeNull()
  })

  test('changes and deletes fields for the owner of the record only', async () => {
    await using store = await open()
    const { id: owner } = await insertUser(store)
    const outcomes = await store.write(async (tx) => {
      await tx.records.insert(aRecord(owner, 'x'))
      await tx.additionalFields.insert(aField('x', 'f'))
      return [
        await tx.additionalFields.insert(aField('x', 'f')),
        await tx.additionalFields.update('stranger', { ...aField('x', 'f'), value: 'a:b' }),
        await tx.additionalFields.update(owner, { ...aField('x', 'f'), value: 'a:b' }),
        await tx.additionalFields.delete('stranger', 'f'),
        await tx.additionalFields.findOwner('f'),
        await tx.additionalFields.delete(owner, 'f'),
        await tx.additionalFields.delete(owner, 'f'),
      ]
    })
    expect(outcomes).toEqual([false, false, true, false, owner, true, false])
  })

  test('lets one of many concurrent writers win, and tells the others', async () => {
    await using store = await open()
    const { id: owner } = await insertUser(store)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        store.write(async (tx) => {
          const isFree = (await tx.records.findOwner('x')) === null
          return { isFree, inserted: await tx.records.insert(aRecord(owner, 'x')) }
        }),
      ),
    )
    expect(outcomes.filter(({ inserted }) => inserted)).toEqual([{ isFree: true, inserted: true }])
    // What a transaction has read stays true to its end: no writer saw a free id and then found it taken.
    expect(outcomes.filter(({ isFree, inserted }) => isFree && !inserted)).toEqual([])
  })

  test('passes its check if it answers and accepts writes', async () => {
    await using store = await open()
    expect(await store.check()).toBeUndefined()
  })

  test('rolls back all of a write transaction that throws', async () => {
    await using store = await open()
    const user = aUser()
    const failing = store.write(async (tx) => {
      await tx.users.insert(user)
      throw new Error('on second thoughts')
    })
    expect(await captureError(failing)).toMatchObject({
      message: expect.stringContaining('on second thoughts'),
    })
    expect(await store.read((tx) => tx.users.findById(user.id))).toBeNull()
  })

  test('shows a read transaction one state, whatever is written meanwhile', async () => {
    await using store = await open()
    const { id: owner } = await insertUser(store)
    const counts = await store.read(async (tx) => {
      const before = await tx.records.listByOwner(owner)
      await store.write((writer) => writer.records.insert(aRecord(owner, 'x')))
      return [before.length, (await tx.records.listByOwner(owner)).length]
    })
    expect(counts).toEqual([0, 0])
    expect(await store.read((tx) => tx.records.listByOwner(owner))).toHaveLength(1)
  })
})
