import { describe, expect, test } from 'bun:test'
import { createAdditionalFields } from '../../src/domain/additional-fields'
import { createNotes } from '../../src/domain/notes'
import { createRecords } from '../../src/domain/records'
import type { WriteTransaction } from '../../src/domain/store'
import { createVaultQuota } from '../../src/domain/vault-quota'
import { captureError } from '../support/capture-error'
import { sessionOf } from '../support/session'
import { aUser, openSqliteStore, type TestStore } from '../support/store'
import { fakeClock } from '../support/timing'

const user = aUser({ id: 'u' })
const session = sessionOf(user)
const flags = { isFavorite: true, isTrashed: false }
const recordOf = (id: string) => ({ id, ...flags, name: 'n:n', login: 'l:l', password: 'p:p' })
const noteOf = (id: string) => ({ id, ...flags, name: 'n:n', content: 'c:c' })
const fieldOf = (id: string) => ({ id, recordId: 'r', name: 'n:n', value: 'v:v' })

function createRules(store: TestStore) {
  const deps = { store, clock: fakeClock(), quota: createVaultQuota(1e6) }
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
