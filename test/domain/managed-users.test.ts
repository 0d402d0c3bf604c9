import { describe, expect, test } from 'bun:test'
import { hashMasterPassword } from '../../src/crypto/master-password'
import { createManagedUsers } from '../../src/domain/managed-users'
import { createEmailQueue } from '../../src/domain/outbox'
import { unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import type { SignUpPolicy } from '../../src/domain/sign-up-policy'
import type { User } from '../../src/domain/user'
import { createUsers } from '../../src/domain/users'
import vectors from '../data/vectors.json' with { type: 'json' }
import { listAuditRows } from '../support/audit'
import { captureError } from '../support/capture-error'
import { createTestHasher } from '../support/hasher'
import { startPostgresFirst } from '../support/postgres'
import { aUser, openVault, storeEngines, type TestStore, withRevision } from '../support/store'
import { fakeClock, patientTiming, random, watchOf } from '../support/timing'

startPostgresFirst('newest')

const invited: SignUpPolicy = { mode: 'invited', domains: [] }

function createUserRules(store: TestStore, signUps: SignUpPolicy = invited) {
  const deps = { store, hasher: createTestHasher(), random, clock: fakeClock() }
  const confirmation = { isRequired: false, emailQueue: null }
  const users = createUsers({
    ...{ ...patientTiming(), ...deps, confirmation, signUps },
    ...{ clockWatch: watchOf(deps.clock), linkLifetime: 600_000 },
    rateLimiter: unlimitedRateLimiter,
  })
  return {
    ...createManagedUsers({ ...deps, signUps }),
    emailQueue: createEmailQueue({ ...deps, wake: () => {} }),
    signUp: (email: string, id: string = crypto.randomUUID()) =>
      users.signUp(
        { id, email, masterPasswordHash: 'hash', hint: null },
        { baseUrl: () => 'http://pi/', address: null },
      ),
  }
}

type UserRules = ReturnType<typeof createUserRules>

/** Each verb on an account or an email address for which it has nothing to do. */
const repeatedVerbs: {
  verb: string
  change?: Partial<User>
  prepare?: (rules: UserRules, id: string) => Promise<unknown>
  repeat: (rules: UserRules, id: string) => Promise<void>
}[] = [
  {
    verb: 'confirm',
    change: { emailConfirmed: false },
    prepare: (rules, id) => rules.confirm(id),
    repeat: async (rules, id) => expect(await rules.confirm(id)).toBeFalse(),
  },
  {
    verb: 'disable',
    prepare: (rules, id) => rules.disable(id),
    repeat: async (rules, id) => expect(await rules.disable(id)).toBeFalse(),
  },
  {
    verb: 'enable',
    repeat: async (rules, id) => expect(await rules.enable(id)).toBeFalse(),
  },
  {
    verb: 'logout',
    prepare: (rules, id) => rules.disable(id),
    repeat: async (rules, id) => expect(await rules.logout(id)).toBeFalse(),
  },
  {
    verb: 'delete',
    repeat: async (rules) =>
      expect(await captureError(rules.delete('nobody'))).toMatchObject({ code: 'not_found' }),
  },
  {
    verb: 'add',
    repeat: async (rules, id) => {
      const { email } = await rules.require(id)
      const adding = rules.add({ email, masterPasswordHash: 'x' })
      expect(await captureError(adding)).toMatchObject({ code: 'conflict' })
    },
  },
  {
    verb: 'invite',
    prepare: (rules) => rules.invite('anna@nas.local', null),
    repeat: async (rules) =>
      expect(await rules.invite('anna@nas.local', null)).toMatchObject({ isNew: false }),
  },
  {
    verb: 'invite for an email address that has an account',
    repeat: async (rules, id) => {
      const { email } = await rules.require(id)
      const mailing = { emailQueue: rules.emailQueue, baseUrl: () => 'http://pi:5000/' }
      expect(await captureError(rules.invite(email, mailing))).toMatchObject({ code: 'conflict' })
    },
  },
  {
    verb: 'uninvite',
    prepare: async (rules) => {
      await rules.invite('anna@nas.local', null)
      await rules.uninvite('anna@nas.local')
    },
    repeat: async (rules) =>
      expect(await captureError(rules.uninvite('anna@nas.local'))).toMatchObject({
        code: 'not_found',
      }),
  },
]

/** Everything that a verb could change: the account with its session epoch, invitations, emails and the audit log. */
async function stateOf(store: TestStore, id: string) {
  const rows = await store.read(async (tx) => ({
    user: await tx.users.findById(id),
    summaries: await tx.users.listSummaries(),
    invitations: await tx.invitations.list(),
    emails: await tx.outbox.list(),
  }))
  return { ...rows, auditRows: await listAuditRows(store) }
}

/** An account with a vault: two records, one of them with a field, and a note. */
async function insertUserWithVault(
  store: TestStore,
  change: Partial<ReturnType<typeof aUser>> = {},
) {
  const user = aUser(change)
  const times = { creationTime: 1, updateTime: 1 }
  const entry = () => ({
    ...{ id: crypto.randomUUID(), isFavorite: false, isTrashed: false },
    ...{ name: 'n:n', ...times },
  })
  await store.write(async (tx) => {
    // A vault is filled while the account can sign in.
    await tx.users.insert({ ...user, isDisabled: false })
    const vault = await openVault(tx, user.id)
    const first = { ...entry(), login: 'l:l', password: 'p:p' }
    await vault.records.insert(first)
    await vault.records.insert({ ...first, id: crypto.randomUUID(), isTrashed: true })
    await vault.additionalFields.insert({
      ...{ id: crypto.randomUUID(), recordId: first.id, name: 'n:n', value: 'v:v' },
    })
    await vault.notes.insert({ ...entry(), content: 'c:c' })
    if (user.isDisabled) await tx.users.setDisabled(user.id, true)
  })
  return user
}

const emails = async (store: TestStore) =>
  (await store.read((tx) => tx.users.listSummaries())).map(({ email }) => email)

describe.each(storeEngines)('an operator, on $engine,', ({ open }) => {
  test('sees every account with the size of its vault, and no secret', async () => {
    await using store = await open()
    const rules = createUserRules(store)
    expect(await rules.list()).toEqual([])
    const full = await insertUserWithVault(store, { loginTime: 5_000, isDisabled: true })
    const empty = aUser({ emailConfirmed: false })
    await store.write((tx) => tx.users.insert(empty))
    const common = { creationTime: 0, deletionTime: null, pendingEmails: 0 }
    const expected = {
      ...{ id: full.id, email: full.email, emailConfirmed: true, isDisabled: true },
      ...{ loginTime: 5_000, records: 2, notes: 1, additionalFields: 1, ...common },
    }
    expect(await rules.list()).toEqual([
      expected,
      {
        ...{ id: empty.id, email: empty.email, emailConfirmed: false, isDisabled: false },
        ...{ loginTime: null, records: 0, notes: 0, additionalFields: 0, ...common },
      },
    ])
    const details = {
      ...expected,
      ...{ vaultBytes: expect.any(Number), history: { versions: 0, bytes: 0 } },
    }
    expect(await rules.require(full.id)).toEqual(details)
    expect(await rules.require(full.email.toUpperCase())).toEqual(details)
  })

  test('lists any number of accounts with the same number of queries', async () => {
    await using store = await open()
    const rules = createUserRules(store)
    await insertUserWithVault(store)
    await rules.list()
    const one = await store.countStatements(() => rules.list())
    for (let index = 0; index < 20; index++) await insertUserWithVault(store)
    expect(await store.countStatements(() => rules.list())).toBe(one)
  })

  test('finds an account by its email before another account whose id is that email', async () => {
    await using store = await open()
    const rules = createUserRules(store, { mode: 'open', domains: [] })
    const victim = await insertUserWithVault(store)
    await rules.signUp('mallory@nas.local', victim.email)
    await rules.disable(victim.email)
    expect((await rules.list()).map(({ id, isDisabled }) => [id, isDisabled])).toEqual([
      [victim.id, true],
      [victim.email, false],
    ])
  })

  test('gets an error for an account that does not exist, and changes no account', async () => {
    await using store = await open()
    const rules = createUserRules(store)
    const user = await insertUserWithVault(store)
    const { require, confirm, disable, enable, logout } = rules
    for (const ask of [require, confirm, disable, enable, logout, rules.delete]) {
      for (const name of ['nobody@nas.local', '', 'a\0', '\ud800']) {
        expect(await captureError(ask(name))).toMatchObject({ code: 'not_found' })
      }
    }
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user, 1))
  })

  test('adds a confirmed account with the hash that a client would send', async () => {
    await using store = await open()
    const rules = createUserRules(store, { mode: 'closed', domains: [] })
    const hasher = createTestHasher()
    const id = await rules.add({ email: 'Änne@NAS.local', masterPasswordHash: 'hash' })
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    const user = await store.read((tx) => tx.users.findById(id))
    expect(user).toMatchObject({ email: 'änne@nas.local', emailConfirmed: true, hint: null })
    const verdict = await hasher.verify({
      masterPasswordHash: 'hash',
      email: 'änne@nas.local',
      passwordHash: user?.passwordHash ?? null,
      includeLegacy: false,
    })
    expect(verdict.matches).toBeTrue()

    for (const [email, code] of [
      ['ÄNNE@nas.local', 'conflict'],
      ['nonsense', 'invalid'],
      [`${'a'.repeat(100)}@nas.local`, 'invalid'],
    ] as const) {
      expect(await captureError(rules.requireFreeEmail(email))).toMatchObject({ code })
      expect(await captureError(rules.add({ email, masterPasswordHash: 'x' }))).toMatchObject({
        code,
      })
    }
    expect(await emails(store)).toEqual(['änne@nas.local'])
  })

  test('disables and enables an account, which ends its sessions', async () => {
    await using store = await open()
    const rules = createUserRules(store)
    const user = await insertUserWithVault(store)
    const find = () => store.read((tx) => tx.users.findById(user.id))
    expect(await rules.disable(user.id)).toBeTrue()
    expect(await rules.disable(user.id)).toBeFalse()
    expect(await find()).toMatchObject({ isDisabled: true })
    expect(await rules.enable(user.id)).toBeTrue()
    expect(await rules.enable(user.id)).toBeFalse()
    const after = await find()
    expect(after).toEqual({ ...withRevision(user, 1), sessionEpoch: expect.any(String) })
    expect(after?.sessionEpoch).not.toBe(user.sessionEpoch)

    expect(await rules.logout(user.id)).toBeTrue()
    expect((await find())?.sessionEpoch).not.toBe(after?.sessionEpoch ?? '')
    expect((await listAuditRows(store)).map(({ kind }) => kind)).toEqual([
      'sessions-ended',
      'user-disabled',
      'user-enabled',
      'sessions-ended',
    ])
  })

  test.each(repeatedVerbs)(
    'changes nothing, sends nothing and signs nobody out when $verb has nothing to do',
    async ({ change, prepare, repeat }) => {
      await using store = await open()
      const rules = createUserRules(store)
      const user = await insertUserWithVault(store, change)
      await prepare?.(rules, user.id)
      const before = await stateOf(store, user.id)
      await repeat(rules, user.id)
      expect(await stateOf(store, user.id)).toEqual(before)
    },
  )

  test('deletes an account with its whole vault, and no other account', async () => {
    await using store = await open()
    const rules = createUserRules(store)
    const [gone, other] = [await insertUserWithVault(store), await insertUserWithVault(store)]
    expect(await captureError(rules.delete(gone.email))).toMatchObject({ code: 'not_found' })
    await rules.delete(gone.id)
    expect(await rules.list()).toMatchObject([
      { id: other.id, records: 2, notes: 1, additionalFields: 1 },
    ])
    const left = await store.read((tx) => tx.records.listByOwner(gone.id))
    expect(left).toEqual([])
  })

  test('invites an email address, which can sign up once', async () => {
    await using store = await open()
    const rules = createUserRules(store)
    expect(await captureError(rules.signUp('anna@nas.local'))).toMatchObject({
      code: 'forbidden',
      message: 'Sign-up is by invitation only at this server',
    })
    expect(await rules.invite('Anna@nas.local', null)).toEqual({
      email: 'anna@nas.local',
      isNew: true,
    })
    expect(await rules.invite('anna@nas.local', null)).toMatchObject({ isNew: false })
    expect(await rules.listInvitations()).toEqual([
      { email: 'anna@nas.local', creationTime: fakeClock()() },
    ])
    expect(await captureError(rules.signUp('berta@nas.local'))).toMatchObject({ code: 'forbidden' })
    const outcomes = await Promise.allSettled([
      rules.signUp('ANNA@nas.local'),
      rules.signUp('anna@nas.local'),
    ])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    // Which error the slower sign-up gets depends on how far the faster one was.
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')
    expect(['conflict', 'forbidden']).toContain(refused?.reason.code)
    expect(await rules.listInvitations()).toEqual([])
    expect(await emails(store)).toEqual(['anna@nas.local'])
    expect(await captureError(rules.invite('anna@nas.local', null))).toMatchObject({
      code: 'conflict',
    })
  })

  test('sends an email with an invitation, and withdraws both', async () => {
    await using store = await open()
    const rules = createUserRules(store)
    const mailing = { emailQueue: rules.emailQueue, baseUrl: () => 'http://pi:5000/' }
    for (const _ of ['first', 'again']) await rules.invite('anna@nas.local', mailing)
    const list = () => store.read((tx) => tx.outbox.list())
    expect(await list()).toEqual([
      {
        id: expect.any(String),
        kind: 'invitation',
        invitation: 'anna@nas.local',
        email: 'anna@nas.local',
        baseUrl: 'http://pi:5000/',
        creationTime: fakeClock()(),
        nextTime: fakeClock()(),
        state: 'queued',
        attempts: 0,
        reason: null,
      },
    ])
    await rules.uninvite('ANNA@nas.local')
    expect(await list()).toEqual([])
    expect(await captureError(rules.uninvite('anna@nas.local'))).toMatchObject({
      code: 'not_found',
    })
    expect(await captureError(rules.signUp('anna@nas.local'))).toMatchObject({ code: 'forbidden' })
  })

  test('can invite nobody while sign-up is closed', async () => {
    await using store = await open()
    await createUserRules(store).invite('anna@nas.local', null)
    const rules = createUserRules(store, { mode: 'closed', domains: [] })
    expect(await captureError(rules.invite('berta@nas.local', null))).toMatchObject({
      code: 'forbidden',
    })
    expect(await captureError(rules.signUp('anna@nas.local'))).toMatchObject({
      message: 'Sign-up is closed at this server',
    })
    expect(await rules.listInvitations()).toMatchObject([{ email: 'anna@nas.local' }])
    expect(await emails(store)).toEqual([])
  })

  test('lets addresses of the listed domains sign up, and others by invitation', async () => {
    await using store = await open()
    const domains = ['nas.local', 'xn--mller-kva.example']
    const rules = createUserRules(store, { mode: 'open', domains })
    for (const email of ['a@sub.nas.local', 'a@nas.local.evil.org', '"x@nas.local"@evil.org']) {
      expect(await captureError(rules.signUp(email))).toMatchObject({
        code: 'forbidden',
        message: `Sign-up is for addresses of ${domains.join(', ')} at this server`,
      })
    }
    await rules.signUp('A@NAS.local')
    await rules.signUp('a@müller.example')
    await rules.invite('guest@evil.org', null)
    await rules.signUp('guest@evil.org')
    expect(await emails(store)).toEqual(['a@nas.local', 'a@müller.example', 'guest@evil.org'])
  })
})

test.each(vectors.client_keys.map((vector) => [vector.email, vector] as const))(
  'hashes the master password of %s as the clients do',
  async (email, vector) => {
    expect(await hashMasterPassword(vector.master_password, email)).toBe(
      vector.master_password_hash,
    )
  },
)
