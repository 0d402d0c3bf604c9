import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import type { ConfirmationPolicy } from '../../src/domain/email-confirmation'
import { removeExpiredAccounts } from '../../src/domain/expired-accounts'
import { createManagedUsers } from '../../src/domain/managed-users'
import { createEmailQueue } from '../../src/domain/outbox'
import { createRateLimiter } from '../../src/domain/rate-limiter'
import type { SignUpPolicy } from '../../src/domain/sign-up-policy'
import { createUsers } from '../../src/domain/users'
import { listAuditRows } from '../support/audit'
import { captureError } from '../support/capture-error'
import { createTestHasher } from '../support/hasher'
import { aUser, openSqliteStore, type SqliteTestStore, type TestStore } from '../support/store'
import { fakeClock, patientTiming, random, watchOf } from '../support/timing'

const baseUrl = () => 'http://pi:5000/'
const address = '10.0.0.1'
const open: SignUpPolicy = { mode: 'open', domains: [] }
const invited: SignUpPolicy = { mode: 'invited', domains: [] }

/** The rules of sign-up, with emails if `isRequired`. `onHash` is called while a password is hashed, outside of any transaction. */
function createSignUpRules(
  store: TestStore,
  {
    signUps = open,
    isRequired = false,
    max = 100,
    linkLifetime = 600_000,
  }: {
    signUps?: SignUpPolicy
    isRequired?: boolean
    max?: number
    linkLifetime?: number
  } = {},
) {
  const clock = fakeClock()
  const hasher = createTestHasher()
  const hashed: string[] = []
  const hooks = { onWake: () => {}, onHash: async () => {} }
  const emailQueue = createEmailQueue({ clock, random, wake: () => hooks.onWake() })
  const confirmation: ConfirmationPolicy = {
    isRequired,
    emailQueue: isRequired ? emailQueue : null,
  }
  const deps = { store, random, clock, signUps }
  const users = createUsers({
    ...patientTiming(),
    ...{ clockWatch: watchOf(clock), linkLifetime },
    ...deps,
    confirmation,
    hasher: {
      ...hasher,
      async hash(text) {
        hashed.push(text)
        await hooks.onHash()
        return await hasher.hash(text)
      },
    },
    rateLimiter: createRateLimiter({ max, seconds: 60 }, clock),
  })
  const signUp = (
    email: string,
    change: { id?: string; hint?: string; from?: string | null } = {},
  ) => {
    const { id = 'u', hint = null, from = address } = change
    const account = { id, email, masterPasswordHash: 'sent', hint }
    return users.signUp(account, { baseUrl, address: from }).then(
      () => 'done',
      (error: unknown) => error,
    )
  }
  return {
    clock,
    hooks,
    hashed,
    emailQueue,
    signUp,
    managed: createManagedUsers({ ...deps, hasher }),
  }
}

/** Everything that a sign-up could change. */
const stateOf = async (store: TestStore) => ({
  ...(await store.read(async (tx) => ({
    users: await tx.users.listSummaries(),
    invitations: await tx.invitations.list(),
    emails: await tx.outbox.list(),
  }))),
  rows: await listAuditRows(store),
})

describe('a sign-up', () => {
  test('creates an account with its time, and records where it came from', async () => {
    await using store = await openSqliteStore()
    const { clock, hashed, signUp } = createSignUpRules(store)
    expect(await signUp('Änne@NAS.local', { hint: 'a hint' })).toBe('done')
    expect(hashed).toEqual(['sent'])
    const user = await store.read((tx) => tx.users.findById('u'))
    expect(user).toEqual({
      ...{ id: 'u', email: 'änne@nas.local', hint: 'a hint', emailConfirmed: true },
      ...{
        isDisabled: false,
        loginTime: null,
        deletionTime: null,
        creationTime: clock(),
        revision: clock(),
      },
      passwordHash: expect.stringMatching(/^\$pbkdf2-sha512\$i=1\$/),
      sessionEpoch: expect.stringMatching(/^[\w-]{22}$/),
    })
    expect(await listAuditRows(store)).toEqual([
      {
        ...{ number: 1, time: clock(), kind: 'sign-up', actor: 'user', count: 1, detail: null },
        ...{ userId: 'u', email: 'änne@nas.local', address },
      },
    ])
  })

  test('keeps no empty hint', async () => {
    await using store = await openSqliteStore()
    const { signUp } = createSignUpRules(store)
    await signUp('a@nas.local', { hint: '' })
    expect(await store.read((tx) => tx.users.findById('u'))).toMatchObject({ hint: null })
  })

  test('queues the confirmation email with its commit, and wakes the worker after that', async () => {
    await using store = await openSqliteStore()
    const { clock, hooks, signUp } = createSignUpRules(store, { isRequired: true })
    const queuedAtWake: unknown[] = []
    hooks.onWake = () => {
      using file = new Database(store.path, { readonly: true })
      queuedAtWake.push(file.query('select user_id from outbox').all())
    }
    expect(await signUp('a@nas.local')).toBe('done')
    expect(await store.read((tx) => tx.users.findById('u'))).toMatchObject({
      emailConfirmed: false,
    })
    expect((await stateOf(store)).emails).toEqual([
      {
        ...{ id: expect.stringMatching(/^[0-9a-f]{16}$/), kind: 'confirmation', userId: 'u' },
        ...{ email: 'a@nas.local', baseUrl: baseUrl(), state: 'queued', attempts: 0, reason: null },
        ...{ creationTime: clock(), nextTime: clock() },
      },
    ])
    expect(queuedAtWake).toEqual([[{ user_id: 'u' }]])
  })

  test('that is refused changes nothing, sends nothing, and reports a taken id before a taken email', async () => {
    await using store = await openSqliteStore()
    const { hooks, hashed, signUp } = createSignUpRules(store, { isRequired: true })
    await signUp('a@nas.local')
    const before = await stateOf(store)
    let wakes = 0
    hooks.onWake = () => wakes++
    for (const [email, id, message] of [
      ['a@nas.local', 'u', 'User with id u already exists'],
      ['b@nas.local', 'u', 'User with id u already exists'],
      ['A@nas.local', 'v', 'User with this email already exists'],
    ] as const) {
      expect(await signUp(email, { id })).toMatchObject({ code: 'conflict', message })
    }
    expect(await stateOf(store)).toEqual(before)
    expect(wakes).toBe(0)
    expect(hashed).toHaveLength(4)
  })

  test('that is not allowed costs no hash', async () => {
    await using store = await openSqliteStore()
    const closed = createSignUpRules(store, { signUps: { mode: 'closed', domains: [] } })
    const byInvitation = createSignUpRules(store, { signUps: invited })
    const byDomain = createSignUpRules(store, { signUps: { mode: 'open', domains: ['pi.lan'] } })
    for (const { signUp, hashed } of [closed, byInvitation, byDomain]) {
      expect(await signUp('a@nas.local')).toMatchObject({ code: 'forbidden' })
      expect(hashed).toEqual([])
    }
    expect(await byDomain.signUp('a@pi.lan')).toBe('done')
  })

  test('needs its invitation still when it is written, and uses it up', async () => {
    await using store = await openSqliteStore()
    const { hooks, emailQueue, hashed, signUp, managed } = createSignUpRules(store, {
      signUps: invited,
    })
    const mailing = { emailQueue, baseUrl }
    await managed.invite('a@nas.local', mailing)
    hooks.onHash = () => managed.uninvite('a@nas.local')
    expect(await signUp('a@nas.local')).toMatchObject({
      code: 'forbidden',
      message: 'Sign-up is by invitation only at this server',
    })
    expect(hashed).toHaveLength(1)
    const kinds = async () => (await listAuditRows(store)).map(({ kind }) => kind)
    expect(await stateOf(store)).toMatchObject({ users: [], invitations: [], emails: [] })
    expect(await kinds()).toEqual(['invited', 'uninvited'])

    hooks.onHash = async () => {}
    await managed.invite('a@nas.local', mailing)
    await managed.invite('b@nas.local', mailing)
    expect(await signUp('A@nas.local')).toBe('done')
    expect(await stateOf(store)).toMatchObject({
      invitations: [{ email: 'b@nas.local' }],
      emails: [{ email: 'b@nas.local' }],
    })
    // Once only: also after the account is deleted.
    await managed.delete('u')
    expect(await signUp('a@nas.local')).toMatchObject({ code: 'forbidden' })
    expect((await stateOf(store)).users).toEqual([])
  })

  test('that is the slower one of two with one invitation gets the answer to a taken email', async () => {
    await using store = await openSqliteStore()
    const { hooks, signUp, managed } = createSignUpRules(store, { signUps: invited })
    await managed.invite('a@nas.local', null)
    let faster: unknown
    hooks.onHash = async () => {
      hooks.onHash = async () => {}
      faster = await signUp('a@nas.local')
    }
    expect(await signUp('a@nas.local', { id: 'slower' })).toMatchObject({
      ...{ code: 'conflict', message: 'User with this email already exists' },
    })
    expect(faster).toBe('done')
    expect((await stateOf(store)).users.map(({ id }) => id)).toEqual(['u'])
  })

  test('counts for its network of 64 bits, refused ones included, and a limited one does nothing', async () => {
    await using store = await openSqliteStore()
    const { clock, hashed, signUp } = createSignUpRules(store, { max: 2 })
    const from = (host: string) => ({ from: `2001:db8:1:2::${host}` })
    expect(await signUp('a@nas.local', from('1'))).toBe('done')
    expect(await signUp('b@nas.local', from('2'))).toMatchObject({ code: 'conflict' })
    const before = await stateOf(store)
    expect(await signUp('b@nas.local', { ...from('3'), id: 'v' })).toMatchObject({
      ...{ code: 'rate_limited', retryAfter: 60 },
    })
    expect(hashed).toHaveLength(2)
    expect(await stateOf(store)).toEqual(before)
    expect(await signUp('b@nas.local', { from: '2001:db8:1:3::1', id: 'v' })).toBe('done')
    clock.advance(60_000)
    expect(await signUp('c@nas.local', { ...from('3'), id: 'w' })).toBe('done')
  })
})

describe('the mailbox of a sign-up', () => {
  test('has one account, in whatever spelling', async () => {
    await using store = await openSqliteStore()
    const { signUp, managed } = createSignUpRules(store, { signUps: invited })
    await managed.invite('a@bücher.example', null)
    expect(await managed.invite('A@xn--bcher-kva.example', null)).toEqual({
      ...{ email: 'a@bücher.example', isNew: false },
    })
    expect(await signUp('a@bu\u0308cher.example')).toBe('done')
    expect(await managed.listInvitations()).toEqual([])
    const taken = { code: 'conflict', message: 'User with this email already exists' }
    expect(await signUp('a@bücher.example', { id: 'v' })).toMatchObject({ code: 'forbidden' })
    const other = createSignUpRules(store)
    for (const spelling of ['a@bücher.example', 'a@xn--bcher-kva.example', 'A@BÜCHER.example'])
      expect(await other.signUp(spelling, { id: 'v' })).toMatchObject(taken)
    const exists = {
      code: 'conflict',
      message: 'a@bücher.example already has an account, as a@bu\u0308cher.example',
      hint: 'show it with `snailpass user show a@bu\u0308cher.example`',
    }
    expect(await captureError(managed.requireFreeEmail('a@bücher.example'))).toMatchObject(exists)
    expect(await captureError(managed.invite('a@bücher.example', null))).toMatchObject(exists)
    const account = { email: 'a@bücher.example', masterPasswordHash: 'x' }
    expect(await captureError(managed.add(account))).toMatchObject(taken)
  })

  test('is that of a domain that may sign up, in whatever spelling', async () => {
    await using store = await openSqliteStore()
    const { signUp } = createSignUpRules(store, {
      signUps: { mode: 'open', domains: ['xn--bcher-kva.example'] },
    })
    expect(await signUp('a@nas.local')).toMatchObject({ code: 'forbidden' })
    for (const [index, domain] of [
      'bücher.example',
      'BU\u0308CHER.example',
      'xn--bcher-kva.example',
    ].entries())
      expect(await signUp(`${index}@${domain}`, { id: `${index}` })).toBe('done')
  })
})

describe('an account whose link has expired', () => {
  const linkLifetime = 10 * 60_000

  async function createAbandoned(store: SqliteTestStore) {
    const rules = createSignUpRules(store, { isRequired: true, linkLifetime })
    expect(await rules.signUp('owner@bücher.example', { id: 'old' })).toBe('done')
    // Sent.
    using file = new Database(store.path)
    file.run('delete from outbox')
    rules.clock.advance(linkLifetime + 1)
    const again = () => rules.signUp('owner@xn--bcher-kva.example', { id: 'new', hint: 'mine' })
    const ids = async () => (await store.read((tx) => tx.users.listSummaries())).map(({ id }) => id)
    return { ...rules, again, ids }
  }
  const taken = { code: 'conflict', message: 'User with this email already exists' }

  test('gives way to a new sign-up, with an email of its own', async () => {
    await using store = await openSqliteStore()
    const { again, ids, emailQueue, clock } = await createAbandoned(store)
    expect(await again()).toBe('done')
    expect(await ids()).toEqual(['new'])
    const emails = await store.read((tx) => tx.outbox.list())
    expect(emails).toMatchObject([{ userId: 'new', email: 'owner@xn--bcher-kva.example' }])
    expect(
      (await listAuditRows(store)).map(({ kind, userId, count }) => [kind, userId, count]),
    ).toEqual([
      ['sign-up', 'old', 1],
      ['users-expired', null, 1],
      ['sign-up', 'new', 1],
    ])
    // No second email within five minutes.
    clock.advance(5 * 60_000 - 1)
    await store.write(async (tx) => {
      const user = await tx.users.findById('new')
      if (user !== null) await emailQueue.queueConfirmation(tx, user, baseUrl)
    })
    expect(await store.read((tx) => tx.outbox.list())).toHaveLength(1)
  })

  test('gives way also if its email was given up', async () => {
    await using store = await openSqliteStore()
    const { again, ids } = await createAbandoned(store)
    {
      using file = new Database(store.path)
      file.run(
        "insert into outbox (id, user_id, kind, base_url, state, creation_time, next_time, attempts) values ('x', 'old', 'confirmation', 'http://pi/', 'dead', 1, 1, 1)",
      )
    }
    expect(await again()).toBe('done')
    expect(await ids()).toEqual(['new'])
    expect(await store.read((tx) => tx.outbox.list())).toMatchObject([{ userId: 'new' }])
  })

  test.each([
    [
      'a link is valid',
      (file: Database) => file.run('update users set letter_time = letter_time + 1'),
    ],
    [
      'an email waits',
      (file: Database) =>
        file.run(
          "insert into outbox (id, user_id, kind, base_url, state, creation_time, next_time, attempts) values ('x', 'old', 'confirmation', 'http://pi/', 'queued', 1, 1, 0)",
        ),
    ],
    ['it is confirmed', (file: Database) => file.run('update users set email_confirmed = true')],
    ['somebody has signed in', (file: Database) => file.run('update users set login_time = 1')],
    ['it is disabled', (file: Database) => file.run('update users set disabled = true')],
    [
      'it has a record',
      (file: Database) =>
        file.run(
          "insert into records (id, user_id, name, login, password, is_favorite, is_deleted, creation_time, update_time) values ('r', 'old', 'a:a', 'a:a', 'a:a', false, true, 1, 1)",
        ),
    ],
    [
      'it has a note',
      (file: Database) =>
        file.run(
          "insert into notes (id, user_id, name, content, is_favorite, is_deleted, creation_time, update_time) values ('n', 'old', 'a:a', 'a:a', false, true, 1, 1)",
        ),
    ],
  ])('stays while %s', async (_what, change) => {
    await using store = await openSqliteStore()
    const { again, ids } = await createAbandoned(store)
    {
      using file = new Database(store.path)
      change(file)
    }
    expect(await again()).toMatchObject(taken)
    expect(await ids()).toEqual(['old'])
  })

  test('keeps its id, stays while the clock is implausible, and if the new sign-up may not be', async () => {
    await using store = await openSqliteStore()
    const { signUp, clock, ids } = await createAbandoned(store)
    expect(await signUp('owner@bücher.example', { id: 'old' })).toMatchObject({
      ...{ code: 'conflict', message: 'User with id old already exists' },
    })
    clock.advance(-20 * 365 * 86_400_000)
    expect(await signUp('owner@bücher.example', { id: 'new' })).toMatchObject(taken)
    expect(await ids()).toEqual(['old'])
  })

  test('waits five minutes where links are valid for less', async () => {
    await using store = await openSqliteStore()
    const { signUp, clock } = createSignUpRules(store, { isRequired: true, linkLifetime: 60_000 })
    await signUp('a@nas.local', { id: 'old' })
    using file = new Database(store.path)
    file.run('delete from outbox')
    clock.advance(5 * 60_000)
    expect(await signUp('a@nas.local', { id: 'new' })).toMatchObject(taken)
    clock.advance(1)
    expect(await signUp('a@nas.local', { id: 'new' })).toBe('done')
  })
})

describe('an account that an operator adds', () => {
  test('has its time, and uses up the invitation of its email', async () => {
    await using store = await openSqliteStore()
    const { clock, emailQueue, managed } = createSignUpRules(store, { signUps: invited })
    for (const email of ['a@nas.local', 'b@nas.local'])
      await managed.invite(email, { emailQueue, baseUrl })
    clock.advance(1_000)
    const id = await managed.add({ email: 'A@nas.local', masterPasswordHash: 'sent' })
    expect(await stateOf(store)).toMatchObject({
      users: [
        {
          id,
          email: 'a@nas.local',
          creationTime: clock(),
          loginTime: null,
          deletionTime: null,
          emailConfirmed: true,
        },
      ],
      invitations: [{ email: 'b@nas.local', creationTime: clock() - 1_000 }],
      emails: [{ email: 'b@nas.local' }],
    })
    expect((await listAuditRows(store)).at(-1)).toEqual({
      ...{
        number: 3,
        time: clock(),
        kind: 'user-added',
        actor: 'operator',
        count: 1,
        detail: null,
      },
      ...{ userId: id, email: 'a@nas.local', address: null },
    })
  })
})

describe('a confirmation email', () => {
  test('is queued again five minutes after the last one, and not for a confirmed account', async () => {
    await using store = await openSqliteStore()
    const { clock, emailQueue } = createSignUpRules(store)
    const user = aUser({ emailConfirmed: false })
    const confirmed = aUser()
    await store.write(async (tx) => {
      await tx.users.insert(user)
      await tx.users.insert(confirmed)
    })
    let urls = 0
    const queue = (to: typeof user) =>
      store.write((tx) => emailQueue.queueConfirmation(tx, to, () => `http://pi:${++urls}/`))
    const listed = async () => (await stateOf(store)).emails.map(({ baseUrl }) => baseUrl)
    await queue(user)
    clock.advance(299_999)
    await queue(user)
    await queue(confirmed)
    expect(await listed()).toEqual(['http://pi:1/'])
    clock.advance(1)
    await queue(user)
    // It replaces the one before, which was not sent yet.
    expect(await listed()).toEqual(['http://pi:2/'])
    // After the clock was set back, the next one is due at once.
    clock.advance(-3_600_000)
    await queue(user)
    expect(await listed()).toEqual(['http://pi:3/'])
    expect(urls).toBe(3)
  })
})

describe('unconfirmed accounts', () => {
  test('are removed once they are older than the days, to the millisecond', async () => {
    await using store = await openSqliteStore()
    const clock = fakeClock()
    const day = 86_400_000
    const at = (creationTime: number, change = {}) =>
      aUser({ emailConfirmed: false, creationTime, ...change })
    const limit = clock() - 3 * day
    const [old, exact, confirmed] = [at(limit - 1), at(limit), at(0, { emailConfirmed: true })]
    await store.write(async (tx) => {
      for (const user of [old, exact, confirmed]) await tx.users.insert(user)
    })
    expect(await removeExpiredAccounts({ store, clockWatch: watchOf(clock) }, 3)).toEqual({
      unconfirmed: 1,
      deleted: 0,
    })
    const left = await store.read((tx) => tx.users.listSummaries())
    expect(left.map(({ id }) => id)).toEqual([exact.id, confirmed.id])
    expect(await listAuditRows(store)).toEqual([
      {
        ...{ number: 1, time: clock(), kind: 'users-expired', actor: 'server', count: 1 },
        ...{ userId: null, email: null, address: null, detail: null },
      },
    ])
    expect(await removeExpiredAccounts({ store, clockWatch: watchOf(clock) }, 3)).toEqual({
      unconfirmed: 0,
      deleted: 0,
    })
    expect(await listAuditRows(store)).toHaveLength(1)
  })
})
