import { expect, test } from 'bun:test'
import { createManagedUsers, type ManagedUsers } from '../../src/domain/managed-users'
import { createEmailQueue } from '../../src/domain/outbox'
import type { SignUpPolicy } from '../../src/domain/sign-up-policy'
import { listAuditRows } from '../support/audit'
import { captureError } from '../support/capture-error'
import { aUser, openSqliteStore, type TestStore, withRevision } from '../support/store'
import { fakeClock, random } from '../support/timing'

/* What an operator reads and leaves in the audit log. What each verb does is in managed-users.test.ts. */

const baseUrl = () => 'http://pi:5000/'

function createRules(
  store: TestStore,
  mode: SignUpPolicy['mode'] = 'invited',
  randomBytes = random,
) {
  const clock = fakeClock()
  const managed = createManagedUsers({
    ...{ store, clock, random: randomBytes, signUps: { mode, domains: [] } },
    hasher: {
      hash: (text) => Promise.resolve(`hash of ${text}`),
      verify: () => Promise.reject(new Error('an operator knows no password')),
    },
  })
  return { managed, clock, emailQueue: createEmailQueue({ clock, random, wake: () => {} }) }
}

test('each change of an account or invitation is in the audit log, with its time and whom it is about', async () => {
  await using store = await openSqliteStore()
  const { managed, clock } = createRules(store, 'invited', (count) => new Uint8Array(count))
  const user = aUser({ emailConfirmed: false })
  await store.write((tx) => tx.users.insert(user))
  const [account, invitation] = [
    { userId: user.id, email: user.email },
    { userId: null, email: 'anna@nas.local' },
  ]
  const expected: object[] = []
  const expectRows = async (
    work: () => Promise<unknown>,
    result: unknown,
    about: object,
    ...kinds: string[]
  ) => {
    clock.advance(1_000)
    expect(await work()).toEqual(result)
    for (const kind of kinds) {
      expected.push({
        ...{ number: expected.length + 1, time: clock(), kind, actor: 'operator', ...about },
        ...{ address: null, count: 1, detail: null },
      })
    }
    expect(await listAuditRows(store)).toEqual(expected as never)
  }
  await expectRows(() => managed.confirm(user.email), true, account, 'confirmation')
  await expectRows(() => managed.logout(user.email), true, account, 'sessions-ended')
  await expectRows(() => managed.disable(user.id), true, account, 'sessions-ended', 'user-disabled')
  await expectRows(() => managed.logout(user.id), false, account)
  await expectRows(() => managed.enable(user.id), true, account, 'user-enabled')
  await expectRows(
    () => managed.invite('Anna@nas.local', null),
    { email: 'anna@nas.local', isNew: true },
    invitation,
    'invited',
  )
  await expectRows(
    () => managed.invite('anna@nas.local', null),
    { email: 'anna@nas.local', isNew: false },
    invitation,
  )
  await expectRows(() => managed.uninvite('ANNA@nas.local'), undefined, invitation, 'uninvited')
  await expectRows(() => managed.delete(user.id), undefined, account, 'user-deleted')
  const added = { userId: '00000000-0000-4000-8000-000000000000', email: 'anna@nas.local' }
  const add = () => managed.add({ email: added.email, masterPasswordHash: 'x' })
  await expectRows(add, added.userId, added, 'user-added')
})

test('an account that is added is complete, and its id is a UUID of version 4', async () => {
  await using store = await openSqliteStore()
  for (const [byte, id] of [
    [0x00, '00000000-0000-4000-8000-000000000000'],
    [0xff, 'ffffffff-ffff-4fff-bfff-ffffffffffff'],
  ] as const) {
    const { managed, clock } = createRules(store, 'closed', (count) =>
      new Uint8Array(count).fill(byte),
    )
    const email = `${byte}@nas.local`
    expect(await managed.add({ email, masterPasswordHash: 'sent' })).toBe(id)
    expect(await store.read((tx) => tx.users.findById(id))).toEqual({
      ...{ id, email, passwordHash: 'hash of sent', hint: null, emailConfirmed: true },
      ...{ creationTime: clock(), isDisabled: false, loginTime: null, deletionTime: null },
      ...{ revision: clock() },
      sessionEpoch: Buffer.alloc(16, byte).toString('base64url'),
    })
  }
})

test('an email address has up to a hundred characters', async () => {
  await using store = await openSqliteStore()
  const { managed } = createRules(store)
  const ofLength = (length: number, character = 'a') =>
    `${character.repeat(40)}@${'b'.repeat(length - 40 - 1 - 6)}.local`
  expect(await managed.requireFreeEmail(ofLength(100))).toBe(ofLength(100))
  for (const email of [ofLength(101), 'a\0@nas.local', '\ud800@nas.local', 'a', ''])
    expect(await captureError(managed.requireFreeEmail(email))).toMatchObject({ code: 'invalid' })
})

const refusals: [
  string,
  SignUpPolicy['mode'],
  (rules: ManagedUsers) => Promise<unknown>,
  object,
][] = [
  [
    'an account that does not exist',
    'invited',
    (rules) => rules.disable('no\nbody'),
    {
      code: 'not_found',
      message: 'there is no account no\nbody',
      hint: 'use an email or id from `snailpass user list`',
    },
  ],
  [
    'an account to delete that does not exist',
    'invited',
    (rules) => rules.delete('owner@nas.local'),
    {
      code: 'not_found',
      message: 'there is no account owner@nas.local',
      hint: 'use an email or id from `snailpass user list`',
    },
  ],
  [
    'a text that is no email address',
    'invited',
    (rules) => rules.add({ email: 'no\tsense', masterPasswordHash: 'x' }),
    {
      code: 'invalid',
      message: '"no\tsense" is not a valid email address',
      hint: 'use the form you@example.org',
    },
  ],
  [
    'an email address that has an account',
    'open',
    (rules) => rules.requireFreeEmail('OWNER@nas.local'),
    {
      code: 'conflict',
      message: 'owner@nas.local already has an account',
      hint: 'show it with `snailpass user show owner@nas.local`',
    },
  ],
  [
    'an email address to add that has an account',
    'open',
    (rules) => rules.add({ email: 'OWNER@nas.local', masterPasswordHash: 'x' }),
    { code: 'conflict', message: 'User with this email already exists', hint: null },
  ],
  [
    'an invitation while sign-up is closed',
    'closed',
    (rules) => rules.invite('anna@nas.local', null),
    {
      code: 'forbidden',
      message: 'sign-up is closed, even for people who are invited',
      hint: 'set SNAILPASS_SIGNUPS=invited and restart the server, or create the account with `snailpass user add`',
    },
  ],
  [
    'an invitation that does not exist',
    'invited',
    (rules) => rules.uninvite('An\rna@nas.local\0'),
    {
      code: 'not_found',
      message: 'An\rna@nas.local\0 is not invited',
      hint: 'list the invitations with `snailpass user invitations`',
    },
  ],
]

test.each(refusals)('is told what to do about %s', async (_name, mode, work, error) => {
  await using store = await openSqliteStore()
  const { managed } = createRules(store, mode)
  const user = aUser({ email: 'owner@nas.local' })
  await store.write((tx) => tx.users.insert(user))
  expect(await captureError(work(managed))).toMatchObject(error)
  expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
  expect(await managed.listInvitations()).toEqual([])
  expect(await listAuditRows(store)).toEqual([])
})

test('accounts and invitations are listed in the order in which they were created', async () => {
  await using store = await openSqliteStore()
  const { managed, clock, emailQueue } = createRules(store)
  const names = ['c', 'a', 'b']
  for (const name of names) {
    await managed.add({ email: `${name}@nas.local`, masterPasswordHash: 'x' })
    await managed.invite(`guest-${name}@nas.local`, { emailQueue, baseUrl })
    clock.advance(-1)
  }
  expect((await managed.list()).map(({ email }) => email)).toEqual(
    names.map((name) => `${name}@nas.local`),
  )
  expect(await managed.listInvitations()).toEqual(
    names.map((name, index) => ({
      email: `guest-${name}@nas.local`,
      creationTime: fakeClock()() - index,
    })),
  )
})
