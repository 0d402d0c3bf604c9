import { describe, expect, test } from 'bun:test'
import { createAdditionalFields } from '../../src/domain/additional-fields'
import { createNotes } from '../../src/domain/notes'
import { createRecords } from '../../src/domain/records'
import { createVaultQuota, rowOverheadBytes } from '../../src/domain/vault-quota'
import { captureError } from '../support/capture-error'
import { sessionOf } from '../support/session'
import { aUser, openSqliteStore, type TestStore } from '../support/store'
import { fakeClock } from '../support/timing'

const owner = 'u'
const session = sessionOf({ id: owner, sessionEpoch: aUser().sessionEpoch })
const max = 10_000
const full = {
  code: 'vault_full',
  message: 'The vault may hold 0 MB: delete something permanently first',
}

/** A quota, and a vault of a given size with the number of times that it was measured. */
function createTestVault(size: number) {
  const vault = { size, measured: 0 }
  const quota = createVaultQuota(max)
  const tx = {
    vaults: {
      size: (of: string) => {
        vault.measured++
        return Promise.resolve(of === owner ? vault.size : 0)
      },
    },
  }
  /** Writes texts, which make the vault larger by `growth` bytes. */
  const write = (
    texts: readonly string[],
    growth: number,
    { isNew = true, of = owner, isDone = true } = {},
  ) =>
    quota
      .charge(tx, { owner: of, texts, isNew }, () => {
        if (isDone) vault.size += growth
        return Promise.resolve(isDone)
      })
      .catch((error: unknown) => error)
  return { vault, write }
}

describe('the quota of a vault', () => {
  test('is kept to the byte, for new texts and for longer ones', async () => {
    for (const isNew of [true, false]) {
      expect(await createTestVault(max - 100).write(['x'], 100, { isNew })).toBe(true)
      expect(await createTestVault(max - 100).write(['x'], 101, { isNew })).toMatchObject(full)
    }
  })

  test('allows a change that makes a vault beyond it no larger, but nothing new there', async () => {
    const larger = { isNew: false }
    expect(await createTestVault(max + 50).write(['x'], 0, larger)).toBe(true)
    expect(await createTestVault(max + 50).write(['x'], -1, larger)).toBe(true)
    expect(await createTestVault(max + 50).write(['x'], 1, larger)).toMatchObject(full)
    expect(await createTestVault(max + 50).write(['x'], 0)).toMatchObject(full)
  })

  test('names its size in whole megabytes', async () => {
    const quota = createVaultQuota(2_999_999)
    const vaults = { size: () => Promise.resolve(3_000_000) }
    const change = { owner, texts: [], isNew: true }
    expect(
      await captureError(quota.charge({ vaults }, change, () => Promise.resolve(true))),
    ).toMatchObject({ message: expect.stringContaining('The vault may hold 2 MB') })
  })

  test('measures a vault once, and again only when its upper bound would not fit', async () => {
    // Three bytes for each UTF-16 unit, and the overhead of the row.
    const bound = 3 * 4 + rowOverheadBytes
    const { vault, write } = createTestVault(max - 4 * bound)
    for (let time = 0; time < 4; time++) {
      expect(await write(['ab', 'cd'], 1)).toBe(true)
      expect(vault.measured).toBe(1)
    }
    expect(await write(['ab', 'cd'], 1)).toBe(true)
    expect(vault.measured).toBe(2)
  })

  test('counts each write since the last measurement with its upper bound, to the byte', async () => {
    const { vault, write } = createTestVault(max - 2 * rowOverheadBytes)
    for (let time = 0; time < 3; time++) await write([], 0)
    expect(vault.measured).toBe(1)
    await write([], 0)
    expect(vault.measured).toBe(2)
    const exact = createTestVault(max - rowOverheadBytes - 3)
    await exact.write(['x'], 0)
    await exact.write(['x'], 0)
    expect(exact.vault.measured).toBe(1)
    const over = createTestVault(max - rowOverheadBytes - 2)
    await over.write(['x'], 0)
    await over.write(['x'], 0)
    expect(over.vault.measured).toBe(2)
  })

  test('measures before a change, and after it only if its upper bound would not fit', async () => {
    const fits = createTestVault(max - rowOverheadBytes - 3)
    expect(await fits.write(['x'], 3, { isNew: false })).toBe(true)
    expect(fits.vault.measured).toBe(1)
    // Its upper bound is the maximum now, so the next change measures. The vault itself has room.
    expect(await fits.write([], 0, { isNew: false })).toBe(true)
    expect(fits.vault.measured).toBe(2)
    const tight = createTestVault(max - rowOverheadBytes - 2)
    expect(await tight.write(['x'], 2, { isNew: false })).toBe(true)
    expect(tight.vault.measured).toBe(2)
  })

  test('is not measured after a write that changed nothing', async () => {
    const { vault, write } = createTestVault(max + 1)
    expect(await write(['x'], 100, { isDone: false })).toBe(false)
    expect(vault.measured).toBe(0)
    expect(await write(['x'], 100, { isDone: false, isNew: false })).toBe(false)
    expect(vault.measured).toBe(1)
    const known = createTestVault(0)
    await known.write([], 0)
    expect(await known.write([], 0, { isDone: false })).toBe(false)
  })

  test('is remembered for the ten thousand vaults that were written last', async () => {
    const { vault, write } = createTestVault(0)
    for (let index = 0; index < 10_000; index++) await write([], 0, { of: String(index) })
    expect(vault.measured).toBe(10_000)
    // The first one is the newest now, and the second one the oldest.
    await write([], 0, { of: '0' })
    expect(vault.measured).toBe(10_000)
    await write([], 0, { of: 'one more' })
    await write([], 0, { of: '0' })
    await write([], 0, { of: '2' })
    expect(vault.measured).toBe(10_001)
    await write([], 0, { of: '1' })
    expect(vault.measured).toBe(10_002)
  })
})

/** A text of the form of a ciphertext with a given number of bytes in UTF-8, some of them in characters of two bytes. */
const ofBytes = (bytes: number) =>
  `${'é'.repeat(Math.floor((bytes - 1) / 2))}:${'a'.repeat((bytes - 1) % 2)}`

const entry = { isFavorite: false, isTrashed: false }

/** Each way to make a vault larger, with texts of a total of `bytes` bytes. */
const writes = [
  {
    what: 'a record',
    add: (rules: Rules, bytes: number) =>
      rules.records.add(session, { id: 'new', ...entry, ...contentOf(bytes) }),
    change: (rules: Rules, bytes: number) =>
      rules.records.change(session, { id: 'new', ...entry, ...contentOf(bytes) }),
  },
  {
    what: 'a note',
    add: (rules: Rules, bytes: number) =>
      rules.notes.add(session, { id: 'new', ...entry, ...noteOf(bytes) }),
    change: (rules: Rules, bytes: number) =>
      rules.notes.change(session, { id: 'new', ...entry, ...noteOf(bytes) }),
  },
  {
    what: 'an additional field',
    add: (rules: Rules, bytes: number) =>
      rules.additionalFields.add(session, { id: 'new', recordId: 'r', ...fieldOf(bytes) }),
    change: (rules: Rules, bytes: number) =>
      rules.additionalFields.change(session, { id: 'new', ...fieldOf(bytes) }),
  },
] as const

const contentOf = (bytes: number) => ({
  name: ofBytes(bytes - 202),
  login: ofBytes(101),
  password: ofBytes(101),
})
const noteOf = (bytes: number) => ({ name: ofBytes(101), content: ofBytes(bytes - 101) })
const fieldOf = (bytes: number) => ({ name: ofBytes(101), value: ofBytes(bytes - 101) })

function createRules(store: TestStore, maxBytes: number) {
  const deps = { store, clock: fakeClock(), quota: createVaultQuota(maxBytes), history: null }
  return {
    records: createRecords(deps),
    notes: createNotes(deps),
    additionalFields: createAdditionalFields(deps),
  }
}

type Rules = ReturnType<typeof createRules>

describe.each(writes)('$what', ({ add, change }) => {
  test('fits into a vault to the byte, when it is created and when it is changed', async () => {
    await using store = await openSqliteStore()
    await store.write((tx) => tx.users.insert(aUser({ id: owner })))
    const unlimited = createRules(store, 1_000_000)
    await unlimited.records.add(session, { id: 'r', ...entry, ...contentOf(500) })
    const before = await store.read((tx) => tx.vaults.size(owner))
    expect(before).toBe(512 + 500)
    const bytes = 401
    const size = before + 512 + bytes
    const sizeNow = () => store.read((tx) => tx.vaults.size(owner))

    expect(await captureError(add(createRules(store, size - 1), bytes))).toMatchObject({
      code: 'vault_full',
    })
    expect(await sizeNow()).toBe(before)
    await add(createRules(store, size), bytes)
    expect(await sizeNow()).toBe(size)

    expect(await captureError(change(createRules(store, size), bytes + 1))).toMatchObject({
      code: 'vault_full',
    })
    expect(await sizeNow()).toBe(size)
    await change(createRules(store, size + 1), bytes + 1)
    expect(await sizeNow()).toBe(size + 1)
    // One that is too large already may get smaller, or stay as it is.
    await change(createRules(store, 100), bytes + 1)
    await change(createRules(store, 100), bytes)
    expect(await sizeNow()).toBe(size)
  })
})
