import { describe, expect, test } from 'bun:test'
import type { Store } from '../../src/domain/store'
import type { Note, VaultRecord } from '../../src/domain/vault'
import { captureError } from '../support/capture-error'
import { startPostgresFirst } from '../support/postgres'
import { allStoreEngines, aUser, openVault, withRevision } from '../support/store'

startPostgresFirst('newest', 'oldest')

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

describe.each(allStoreEngines)('the store on $engine', ({ open }) => {
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
    expect(found).toEqual([withRevision(user), user, null, null])
  })

  test('sends one statement for a read of one query', async () => {
    await using store = await open()
    const user = await insertUser(store)
    let found: unknown
    const count = await store.countStatements(async () => {
      found = await store.readOne((tx) => tx.users.findById(user.id))
    })
    expect(found).toEqual(withRevision(user))
    expect(count).toBe(1)
  })

  test('opens a vault for a session that lasts, and keeps it from ending until the transaction does', async () => {
    await using store = await open()
    const [user, other] = [await insertUser(store), await insertUser(store)]
    await store.write((tx) => tx.users.replaceSessionEpoch(other.id, 'another epoch'))
    const opened = (id: string, sessionEpoch: string) =>
      store.write(async (tx) => (await tx.vaults.open({ id, sessionEpoch }, null))?.owner ?? null)
    const revisionOf = async ({ id }: { id: string }) =>
      (await store.read((tx) => tx.users.findById(id)))?.revision
    expect(await opened(other.id, 'another epoch')).toBe(other.id)
    const order: string[] = []
    let disabling: Promise<unknown> = Promise.resolve()
    await store.write(async (tx) => {
      const vault = await tx.vaults.open(user, null)
      disabling = store
        .write((later) => later.users.setDisabled(user.id, true))
        .then(() => order.push('disabled'))
      // Enough round trips for the other transaction to commit, if it did not have to wait.
      for (let trip = 0; trip < 50; trip++) await tx.users.findByEmail(user.email)
      expect(await vault?.records.insert(aRecord(user.id, 'r'))).toBeTrue()
      order.push('written')
    })
    await disabling
    expect(order).toEqual(['written', 'disabled'])
    // Nor does a refusal change a revision.
    for (const [id, epoch] of [
      [user.id, user.sessionEpoch],
      [other.id, other.sessionEpoch],
      [other.id, ''],
      ['nobody', other.sessionEpoch],
    ] as const) {
      expect(await opened(id, epoch)).toBeNull()
    }
    expect([await revisionOf(user), await revisionOf(other)]).toEqual([1, 1])
    await store.write((tx) => tx.users.setDisabled(user.id, false))
    expect(await opened(user.id, user.sessionEpoch)).toBe(user.id)
    expect([await revisionOf(user), await revisionOf(other)]).toEqual([2, 1])
  })

  test('measures a vault in bytes: its texts in UTF-8 and an overhead for each row', async () => {
    await using store = await open()
    const owner = await insertUser(store)
    const other = await insertUser(store)
    const size = (user = owner) => store.read((tx) => tx.vaults.size(user.id))
    expect(await size()).toBe(0)
    await store.write(async (tx) => {
      const vault = await openVault(tx, owner.id)
      await vault.records.insert({ ...aRecord(owner.id, 'r'), name: 'ключ:🐌' })
      await vault.notes.insert({ ...aNote(owner.id, 'n'), content: `${'c'.repeat(99_998)}:c` })
      await vault.additionalFields.insert(aField('r', 'f'))
      await (await openVault(tx, other.id)).records.insert(aRecord(other.id, 'other'))
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
    expect(found).toEqual(withRevision({ ...user, passwordHash: 'new' }))
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
      const [vault, others] = [await openVault(tx, owner), await openVault(tx, other)]
      for (const id of ['z', 'a', 'm']) await vault.records.insert(aRecord(owner, id))
      await others.records.insert(aRecord(other, 'theirs'))
      for (const [record, id] of [
        ['m', '9'],
        ['z', '5'],
        ['m', '1'],
        ['theirs', '3'],
        ['z', '4'],
      ] as const) {
        await (record === 'theirs' ? others : vault).additionalFields.insert(aField(record, id))
      }
      await vault.records.update({ ...aRecord(owner, 'z'), name: 'new:name', updateTime: 3_000 })
    })
    expect(await store.read((tx) => tx.records.listByOwner(owner))).toEqual([
      {
        ...aRecord(owner, 'z'),
        revision: 1,
        name: 'new:name',
        updateTime: 3_000,
        additionalFields: [aField('z', '5'), aField('z', '4')],
      },
      { ...aRecord(owner, 'a'), revision: 1, additionalFields: [] },
      {
        ...aRecord(owner, 'm'),
        revision: 1,
        additionalFields: [aField('m', '9'), aField('m', '1')],
      },
    ])
    const fieldsOf = (record: string, user: string) =>
      store.readOne((tx) => tx.additionalFields.listByRecord(record, user))
    expect(await fieldsOf('m', owner)).toEqual({
      owner,
      fields: [aField('m', '9'), aField('m', '1')],
    })
    // Whose record it is, and nothing of it, is all that others get.
    expect(await fieldsOf('m', 'another')).toEqual({ owner, fields: [] })
    expect(await fieldsOf('no such record', owner)).toEqual({ owner: null, fields: [] })
  })

  test('lists records with as many queries for two hundred as for one', async () => {
    await using store = await open()
    const { id: owner } = await insertUser(store)
    const countQueries = () =>
      store.countStatements(() => store.read((tx) => tx.records.listByOwner(owner)))
    await store.write(async (tx) =>
      (await openVault(tx, owner)).records.insert(aRecord(owner, 'first')),
    )
    const forOne = await countQueries()
    await store.write(async (tx) => {
      const vault = await openVault(tx, owner)
      for (let index = 0; index < 199; index++) {
        await vault.records.insert(aRecord(owner, `r${index}`))
        await vault.additionalFields.insert(aField(`r${index}`, `f${index}`))
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
      const vault = await openVault(tx, owner)
      for (const id of ['z', 'a']) await vault.notes.insert(aNote(owner, id))
    })
    const notes = await store.read((tx) => tx.notes.listByOwner(owner))
    expect(notes).toEqual([
      { ...aNote(owner, 'z'), revision: 1 },
      { ...aNote(owner, 'a'), revision: 1 },
    ])
  })

  describe.each(['records', 'notes'] as const)('of %s', (kind) => {
    const insert = (store: Store, owner: string, id: string) =>
      store.write(async (tx) => {
        const { records, notes } = await openVault(tx, owner)
        return kind === 'records'
          ? await records.insert(aRecord(owner, id))
          : await notes.insert(aNote(owner, id))
      })

    test('accepts an id once, for all users together', async () => {
      await using store = await open()
      const [first, second] = [await insertUser(store), await insertUser(store)]
      expect(await insert(store, first.id, 'x')).toBeTrue()
      expect(await insert(store, second.id, 'x')).toBeFalse()
      expect(await store.read((tx) => tx[kind].findOwner('x'))).toBe(first.id)
    })

    test('trashes, then deletes, for the owner only', async () => {
      await using store = await open()
      const [{ id: owner }, { id: stranger }] = [await insertUser(store), await insertUser(store)]
      await insert(store, owner, 'x')
      const outcomes = await store.write(async (tx) => {
        const own = (await openVault(tx, owner))[kind]
        const strange = (await openVault(tx, stranger))[kind]
        return [
          await strange.trash('x'),
          await own.deleteTrashed('x'),
          await own.trash('x'),
          await own.trash('x'),
          await strange.deleteTrashed('x'),
          await own.deleteTrashed('x'),
          await own.deleteTrashed('x'),
        ]
      })
      expect(outcomes).toEqual([false, false, true, false, false, true, false])
      expect(await store.read((tx) => tx[kind].findOwner('x'))).toBeNull()
    })
  })

  test("adds no field to a record that no longer exists, or that is another account's", async () => {
    await using store = await open()
    const [{ id: owner }, { id: stranger }] = [await insertUser(store), await insertUser(store)]
    const add = (user: string, recordId: string) =>
      store.write(async (tx) =>
        (await openVault(tx, user)).additionalFields.insert(aField(recordId, 'f')),
      )
    await store.write(async (tx) => {
      const { records } = await openVault(tx, owner)
      await records.insert(aRecord(owner, 'kept'))
      await records.insert({ ...aRecord(owner, 'gone'), isTrashed: true })
      await records.deleteTrashed('gone')
    })
    expect(await add(owner, 'gone')).toBe('no such record')
    expect(await add(stranger, 'kept')).toBe('no such record')
    expect(await store.read((tx) => tx.additionalFields.findOwner('f'))).toBeNull()
    expect(await add(owner, 'kept')).toBe('added')
    expect(await store.read((tx) => tx.additionalFields.findOwner('f'))).toBe(owner)
  })

  test('deletes the fields of a record with it', async () => {
    await using store = await open()
    const { id: owner } = await insertUser(store)
    await store.write(async (tx) => {
      const { records, additionalFields } = await openVault(tx, owner)
      await records.insert({ ...aRecord(owner, 'x'), isTrashed: true })
      expect(await additionalFields.insert(aField('x', 'f'))).toBe('added')
      await records.deleteTrashed('x')
    })
    expect(await store.read((tx) => tx.additionalFields.findOwner('f'))).toBeNull()
  })

  test('changes and deletes fields for the owner of the record only', async () => {
    await using store = await open()
    const [{ id: owner }, { id: stranger }] = [await insertUser(store), await insertUser(store)]
    const field = aField('x', 'f')
    const outcomes = await store.write(async (tx) => {
      const [own, strange] = [await openVault(tx, owner), await openVault(tx, stranger)]
      await own.records.insert(aRecord(owner, 'x'))
      await strange.records.insert(aRecord(stranger, 'theirs'))
      return [
        await own.additionalFields.insert(field),
        await own.additionalFields.insert(field),
        // An id is taken for all users together.
        await strange.additionalFields.insert({ ...field, recordId: 'theirs' }),
        await strange.additionalFields.update({ ...field, value: 'a:b' }),
        await own.additionalFields.update({ ...field, value: 'a:b' }),
        await strange.additionalFields.delete('f'),
        await tx.additionalFields.findOwner('f'),
        await own.additionalFields.delete('f'),
        await own.additionalFields.delete('f'),
      ]
    })
    expect(outcomes).toEqual([
      ...['added', 'id taken', 'id taken'],
      ...[false, true, false, owner, true, false],
    ])
  })

  test('deletes all fields of the records that are named, of those that the owner has', async () => {
    await using store = await open()
    const [{ id: owner }, { id: stranger }] = [await insertUser(store), await insertUser(store)]
    const left = await store.write(async (tx) => {
      const { records, additionalFields } = await openVault(tx, owner)
      for (const id of ['x', 'y', 'z']) {
        await records.insert(aRecord(owner, id))
        for (const field of ['f', 'g'])
          await additionalFields.insert(aField(id, `${field} of ${id}`))
      }
      const strange = await openVault(tx, stranger)
      await strange.additionalFields.deleteOfRecords(['x', 'y', 'z'])
      await additionalFields.deleteOfRecords([])
      await additionalFields.deleteOfRecords(['x', 'z'])
      const fieldsOf = async (id: string) =>
        (await tx.additionalFields.listByRecord(id, owner)).fields.map((field) => field.id)
      return { x: await fieldsOf('x'), y: await fieldsOf('y'), z: await fieldsOf('z') }
    })
    expect(left).toEqual({ x: [], y: ['f of y', 'g of y'], z: [] })
  })

  test('lets one of many concurrent writers of a vault win, and tells the others before they write', async () => {
    await using store = await open()
    const { id, sessionEpoch } = await insertUser(store)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        store.write(async (tx) => {
          const vault = await tx.vaults.open({ id, sessionEpoch }, null)
          const isFree = (await tx.records.findOwner('x')) === null
          return { isFree, inserted: await vault?.records.insert(aRecord(id, 'x')) }
        }),
      ),
    )
    // What a writer reads after it has opened the vault stays true to its end: none saw a free id and then found it taken.
    const lost = { isFree: false, inserted: false }
    expect(outcomes.toSorted((a, b) => Number(b.inserted) - Number(a.inserted))).toEqual([
      { isFree: true, inserted: true },
      ...Array.from({ length: 7 }, () => lost),
    ])
    expect(await store.read((tx) => tx.users.findById(id))).toMatchObject({ revision: 8 })
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
      await store.write(async (writer) =>
        (await openVault(writer, owner)).records.insert(aRecord(owner, 'x')),
      )
      return [before.length, (await tx.records.listByOwner(owner)).length]
    })
    expect(counts).toEqual([0, 0])
    expect(await store.read((tx) => tx.records.listByOwner(owner))).toHaveLength(1)
  })
})
