import { describe, expect, test } from 'bun:test'
import { dirname } from 'node:path'
import { createAdditionalFields } from '../../src/domain/additional-fields'
import { createNotes } from '../../src/domain/notes'
import { createRecords } from '../../src/domain/records'
import { createSessions } from '../../src/domain/sessions'
import type { WriteTransaction } from '../../src/domain/store'
import { createVaultQuota } from '../../src/domain/vault-quota'
import { captureError } from '../support/capture-error'
import { sessionOf, unbounded } from '../support/session'
import {
  aUser,
  openSqliteStore,
  signedIn,
  sqliteDatabaseIn,
  storeEngines,
  type TestStore,
} from '../support/store'
import { fakeClock } from '../support/timing'
import { createTestTokens } from '../support/tokens'

const user = aUser({ id: 'u' })
const session = sessionOf(user)
const flags = { isFavorite: true, isTrashed: false }
const recordOf = (id: string) => ({ id, ...flags, name: 'n:n', login: 'l:l', password: 'p:p' })
const noteOf = (id: string) => ({ id, ...flags, name: 'n:n', content: 'c:c' })
const fieldOf = (id: string) => ({ id, recordId: 'r', name: 'n:n', value: 'v:v' })

function createRules(store: TestStore) {
  const deps = { store, clock: fakeClock(), quota: createVaultQuota(1e6), history: null }
  return {
    records: createRecords(deps),
    notes: createNotes(deps),
    additionalFields: createAdditionalFields(deps),
  }
}

type Rules = ReturnType<typeof createRules>

/** Every write of a vault in which record `r`, note `n` and field `f` exist. */
const writes: Readonly<Record<string, (rules: Rules) => Promise<unknown>>> = {
  'adding a record': ({ records }) => records.add(session, recordOf('new')),
  'changing a record': ({ records }) => records.change(session, recordOf('r')),
  'deleting a record': ({ records }) => records.delete(session, 'r'),
  'adding a note': ({ notes }) => notes.add(session, noteOf('new')),
  'changing a note': ({ notes }) => notes.change(session, noteOf('n')),
  'deleting a note': ({ notes }) => notes.delete(session, 'n'),
  'adding a field': ({ additionalFields }) => additionalFields.add(session, fieldOf('new')),
  'changing a field': ({ additionalFields }) => additionalFields.change(session, fieldOf('f')),
  'deleting a field': ({ additionalFields }) => additionalFields.delete(session, 'f'),
}

const ends: Readonly<Record<string, (tx: WriteTransaction) => Promise<unknown>>> = {
  'a sign-out': (tx) => tx.users.replaceSessionEpoch(user.id, 'the next epoch'),
  'the account was disabled': (tx) => tx.users.setDisabled(user.id, true),
  'the account was deleted': (tx) => tx.users.delete(user.id),
}

async function openVault() {
  const store = await openSqliteStore()
  await store.write((tx) => tx.users.insert(user))
  const rules = createRules(store)
  await rules.records.add(session, { ...recordOf('r'), isFavorite: false })
  await rules.additionalFields.add(session, { ...fieldOf('f'), value: 'old:old' })
  await rules.notes.add(session, { ...noteOf('n'), isFavorite: false })
  const contents = () =>
    store.read(async (tx) => [
      await tx.records.listByOwner(user.id),
      await tx.notes.listByOwner(user.id),
    ])
  return { store, rules, contents }
}

describe.each(Object.entries(writes))('%s', (_, write) => {
  test('commits in a session', async () => {
    const { store, rules, contents } = await openVault()
    await using _ = store
    const before = await contents()
    await write(rules)
    expect(await contents()).not.toEqual(before)
  })

  test.each(Object.entries(ends))('is refused after %s, and changes nothing', async (_, end) => {
    const { store, rules, contents } = await openVault()
    await using __ = store
    await store.write(end)
    const before = await contents()
    expect(await captureError(write(rules))).toMatchObject({
      code: 'unauthenticated',
      message: 'Token is invalid',
    })
    expect(await contents()).toEqual(before)
  })
})

function createTestSessions(store: TestStore) {
  const deleted: string[] = []
  const sessions = createSessions({
    store,
    tokens: createTestTokens(new Uint8Array(32), fakeClock()),
    onDeletedAccount: (id) => deleted.push(id),
  })
  /** Returns what a token is good for, and how many statements that took. */
  async function authenticate(token: string) {
    let found: unknown
    const statements = await store.countStatements(async () => {
      found = await Promise.try(() => sessions.authenticate(token, unbounded)).catch(
        ({ message }: Error) => message,
      )
    })
    return { found, statements }
  }
  return { sessions, authenticate, deleted }
}

describe('a session on SQLite', () => {
  test('costs no query until somebody changes the database', async () => {
    await using store = await openSqliteStore()
    const other = aUser()
    await store.write((tx) => tx.users.insert(user))
    const { sessions, authenticate } = createTestSessions(store)
    const token = await sessions.open(user)
    expect(await authenticate(token)).toEqual({ found: signedIn(user), statements: 1 })
    expect(await authenticate(token)).toEqual({ found: signedIn(user), statements: 0 })
    expect(sessions.authenticate(token, unbounded)).toEqual(signedIn(user))
    await store.write((tx) => tx.users.insert(other))
    expect(await authenticate(token)).toEqual({ found: signedIn(user), statements: 1 })
    const changed = { ...signedIn(user), revision: 1, vaultState: 'u.1' }
    await store.write((tx) => tx.vaults.open(user, null))
    expect(await authenticate(token)).toEqual({ found: changed, statements: 1 })
    expect(await authenticate(token)).toEqual({ found: changed, statements: 0 })
  })

  test.each(Object.entries(ends))('is over at once after %s by another process', async (_, end) => {
    await using store = await openSqliteStore()
    await store.write((tx) => tx.users.insert(user))
    const { sessions, authenticate } = createTestSessions(store)
    const token = await sessions.open(user)
    expect(await authenticate(token)).toMatchObject({ found: { id: 'u' } })
    await sqliteDatabaseIn(dirname(store.path)).withShared((elsewhere) => elsewhere.write(end))
    // As requests that are sent later come in a later turn of the event loop.
    await new Promise(setImmediate)
    expect(await authenticate(token)).toEqual({ found: 'Token is invalid', statements: 1 })
  })

  test('keeps a thousand users in memory', async () => {
    await using store = await openSqliteStore()
    const users = Array.from({ length: 1_001 }, (_, index) => aUser({ id: `u${index}` }))
    await store.write(async (tx) => {
      for (const each of users) await tx.users.insert(each)
    })
    const { sessions, authenticate } = createTestSessions(store)
    const statementsOf = async (index: number) => {
      const token = await sessions.open(aUser({ id: `u${index}` }))
      return (await authenticate(token)).statements
    }
    for (const index of users.keys()) expect(await statementsOf(index)).toBe(1)
    expect([await statementsOf(1), await statementsOf(1_000), await statementsOf(0)]).toEqual([
      0, 0, 1,
    ])
  })
})

describe.each(storeEngines)('a session on $engine', ({ open }) => {
  test('of a deleted account tells whose it was', async () => {
    await using store = await open()
    await store.write((tx) => tx.users.insert(user))
    const { sessions, authenticate, deleted } = createTestSessions(store)
    const token = await sessions.open(user)
    await authenticate(token)
    await store.write((tx) => tx.users.delete('u'))
    for (let request = 1; request <= 2; request++) {
      expect(await authenticate(token)).toEqual({ found: 'Token is invalid', statements: 1 })
    }
    expect(deleted).toEqual(['u', 'u'])
  })
})
