import { describe, expect, test } from 'bun:test'
import { createCredentialCheck } from '../../src/domain/credential-check'
import { createLoginEventBuffer } from '../../src/domain/login-events'
import { unlimitedLogins } from '../../src/domain/login-throttle'
import { createMasterPassword } from '../../src/domain/master-password'
import { createNotes } from '../../src/domain/notes'
import { createEmailQueue } from '../../src/domain/outbox'
import { createSessions } from '../../src/domain/sessions'
import type { Store } from '../../src/domain/store'
import type { RekeyedVault } from '../../src/domain/vault'
import { createVaultQuota } from '../../src/domain/vault-quota'
import { createVaultSync } from '../../src/domain/vault-sync'
import { createWrongCredentials } from '../../src/domain/wrong-credentials'
import { listAuditRows } from '../support/audit'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { createTestHasher } from '../support/hasher'
import { unbounded } from '../support/session'
import { aUser, openPostgresStore, sqliteDatabaseIn } from '../support/store'
import { fakeClock, patientTiming, random, watchOf } from '../support/timing'
import { createTestTokens } from '../support/tokens'

const clock = fakeClock()
const email = 'owner@nas.local'

/** The rules of one server. */
function createRules(store: Store) {
  const hasher = createTestHasher()
  const sessions = createSessions({ store, tokens: createTestTokens(random(32), Date.now) })
  const quota = createVaultQuota(1e7)
  const credentialCheck = createCredentialCheck({
    ...patientTiming(),
    ...{ store, hasher, clockWatch: watchOf(clock), throttle: unlimitedLogins },
    confirmation: { isRequired: false, emailQueue: null },
    wrongCredentials: createWrongCredentials({ monotonicClock: clock, digest: String }),
    loginEvents: createLoginEventBuffer({ clock, monotonicClock: clock }),
  })
  const masterPassword = createMasterPassword({
    ...patientTiming(),
    ...{ store, credentialCheck, hasher, sessions, quota, clock, random },
    emailQueue: createEmailQueue({ clock, random, wake: () => {} }),
  })
  const rest = { store, clock, quota, history: { maxBytes: 1e6 } }
  return { sessions, hasher, masterPassword, notes: createNotes(rest), sync: createVaultSync(rest) }
}

async function createAccount(store: Store, rules: ReturnType<typeof createRules>) {
  const passwordHash = await rules.hasher.hash('hash 0')
  const user = aUser({ id: 'u', email, passwordHash })
  await store.write((tx) => tx.users.insert(user))
  return user
}

const noteOf = (id: string, key: string) => ({
  ...{ id, isFavorite: false, isTrashed: false },
  ...{ name: `${key}:x`, content: `${key}:x` },
})

/** A store in real time, since a change lets other work run meanwhile. */
async function openSqlite(): Promise<Store & AsyncDisposable> {
  const folder = temporaryFolder()
  const database = sqliteDatabaseIn(folder.path, patientTiming())
  const { store } = await database.openForServer({ create: true })
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store.close()
      folder[Symbol.dispose]()
    },
  }
}

describe.each<{ engine: string; open: () => Promise<Store & AsyncDisposable> }>([
  { engine: 'SQLite', open: openSqlite },
  { engine: 'Postgres', open: openPostgresStore },
])('a change of the master password on $engine', ({ open }) => {
  test('beside a writer leaves every row under the key of the password that signs in', async () => {
    await using store = await open()
    const rules = createRules(store)
    const { masterPassword, notes, sync, sessions } = rules
    const user = await createAccount(store, rules)
    /** The session, and the key that its owner encrypts with. */
    let current = { token: await sessions.open(user), key: 'key0' }
    let isDone = false
    const outcomes = { written: 0, refused: 0, outdated: 0 }

    async function writeOnAndOn(): Promise<void> {
      for (let count = 0; !isDone; count++) {
        const { token, key } = current
        try {
          const signedIn = await sessions.authenticate(token, unbounded)
          const session = { user: signedIn, request: unbounded }
          // Between the check of the session and the write, as a slow body.
          await Bun.sleep(count % 3)
          await notes.add(session, noteOf(`n${count}`, key))
          outcomes.written++
        } catch (error) {
          expect(error).toMatchObject({ code: 'unauthenticated' })
          outcomes.refused++
        }
        await Bun.sleep(20)
      }
    }

    async function change(round: number): Promise<void> {
      const signedIn = await sessions.authenticate(current.token, unbounded)
      const vault = await sync.read({ user: signedIn, request: unbounded })
      const key = `key${round + 1}`
      const rekeyed: RekeyedVault = {
        records: [],
        notes: vault.notes.map(({ id }) => ({ id, name: `${key}:x`, content: `${key}:x` })),
      }
      const { token } = await masterPassword.change({
        credentials: { email, masterPasswordHash: `hash ${round}` },
        readChange: async () => ({
          ...{ masterPasswordHash: `hash ${round + 1}`, hint: null, email: null },
          ...{ state: vault.state, vault: rekeyed },
        }),
        ...{ baseUrl: () => 'http://pi/', address: null, bounds: unbounded },
      })
      current = { token, key }
    }

    const writing = writeOnAndOn()
    try {
      for (let round = 0; round < 10 || outcomes.written === 0; ) {
        const error = await captureError(change(round))
        if (error === null) round++
        else {
          expect(error).toMatchObject({ code: 'outdated' })
          outcomes.outdated++
        }
        const rows = await store.read((tx) => tx.notes.listByOwner('u'))
        const keys = new Set(rows.flatMap(({ name, content }) => [name, content]))
        expect([...keys].filter((text) => text !== `${current.key}:x`)).toEqual([])
      }
    } finally {
      isDone = true
      await writing
    }
    expect(outcomes.written).toBeGreaterThan(0)
    const rows = await store.read((tx) => tx.notes.listByOwner('u'))
    expect(rows).toHaveLength(outcomes.written)
  })

  test('is in the audit log, and tells the owner', async () => {
    await using store = await open()
    const rules = createRules(store)
    const user = await createAccount(store, rules)
    const { state } = await rules.sync.read({ user, request: unbounded })
    const change = (masterPasswordHash: string, bodyState: string) =>
      rules.masterPassword.change({
        credentials: { email, masterPasswordHash },
        readChange: async () => ({
          ...{ masterPasswordHash: 'next', hint: null, email: null, state: bodyState },
          vault: { records: [], notes: [] },
        }),
        ...{ baseUrl: () => 'http://pi/', address: '192.0.2.7', bounds: unbounded },
      })
    expect(await captureError(change('wrong', state))).toMatchObject({ code: 'unauthenticated' })
    expect(await captureError(change('hash 0', 'u.1'))).toMatchObject({ code: 'outdated', state })
    const told = () => store.read((tx) => tx.outbox.list())
    expect(await told()).toEqual([])
    await change('hash 0', state)
    expect(await told()).toMatchObject([{ kind: 'password-changed', userId: 'u', email }])
    const rows = (await listAuditRows(store)).filter(({ kind }) => kind === 'password-changed')
    expect(rows).toMatchObject([
      { time: clock(), actor: 'user', userId: 'u', email, address: '192.0.2.7', detail: null },
    ])
  })

  test('takes vaults of more rows than a statement has', async () => {
    await using store = await open()
    const rules = createRules(store)
    const user = await createAccount(store, rules)
    const ids = Array.from({ length: 700 }, (_, index) => `${index}`)
    await store.write(async (tx) => {
      const vault = await tx.vaults.open(user, null)
      const times = { creationTime: 1, updateTime: 2 }
      const record = { ...times, isFavorite: true, isTrashed: false, id: 'r' }
      await vault?.records.insert({ ...record, name: 'a:b', login: 'a:b', password: 'a:b' })
      await vault?.additionalFields.insertAll(
        'r',
        ids.map((id) => ({ id, name: 'a:b', value: 'a:b' })),
      )
      for (const id of ids) await vault?.notes.insert({ ...times, ...noteOf(id, 'old') })
    })
    // Its former state is under the former key.
    await store.write(async (tx) => {
      const vault = await tx.vaults.open(user, { now: clock(), maxBytes: 1e6 })
      for (const id of ['0', '1'])
        await vault?.notes.update({ ...noteOf(id, 'other'), updateTime: 2 })
    })
    const versions = () => store.read((tx) => tx.history.size('u'))
    expect((await versions()).versions).toBe(2)
    const { state } = await rules.sync.read({ user, request: unbounded })
    await rules.masterPassword.change({
      credentials: { email, masterPasswordHash: 'hash 0' },
      readChange: async () => ({
        ...{ masterPasswordHash: 'next', hint: null, email: null, state },
        vault: {
          records: [
            {
              ...{ id: 'r', name: 'name:r', login: 'login:r', password: 'password:r' },
              // In another order than they are stored in.
              additionalFields: ids
                .toReversed()
                .map((id) => ({ id, name: `name:${id}`, value: `value:${id}` })),
            },
          ],
          notes: ids.toReversed().map((id) => ({ id, name: `name:${id}`, content: `text:${id}` })),
        },
      }),
      ...{ baseUrl: () => 'http://pi/', address: null, bounds: unbounded },
    })
    expect(await versions()).toEqual({ versions: 0, bytes: 0 })
    const [records, notes] = await store.read(async (tx) => [
      await tx.records.listByOwner('u'),
      await tx.notes.listByOwner('u'),
    ])
    expect(records).toMatchObject([
      { name: 'name:r', login: 'login:r', password: 'password:r', updateTime: 2, isFavorite: true },
    ])
    expect(records?.[0]).toMatchObject({
      additionalFields: ids.map((id) => ({ id, name: `name:${id}`, value: `value:${id}` })),
    })
    expect(notes).toMatchObject(
      ids.map((id) => ({ id, name: `name:${id}`, content: `text:${id}`, updateTime: 2 })),
    )
  })
})
