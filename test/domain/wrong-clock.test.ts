import { describe, expect, test } from 'bun:test'
import { createAcmeChallenges } from '../../src/domain/acme-challenges'
import { backupProblem, createBackups } from '../../src/domain/backups'
import { removeExpiredAccounts } from '../../src/domain/expired-accounts'
import type { KnownTime } from '../../src/domain/known-time'
import { listAuditRows } from '../support/audit'
import { startPostgresFirst } from '../support/postgres'
import { aUser, openSqliteStore, storeEngines, type TestStore } from '../support/store'
import { jumpingClock } from '../support/timing'

/* What is deleted or held back by age, while the clock is wrong and after it was. Known networks are in login-networks.test.ts. */

startPostgresFirst('newest')

const day = 86_400_000
/** The clock has jumped by so many days: 3 days to 10 years. */
const jumps = [3, 40, 365, 3_653]

/** A clock that jumps, a watch of it, and an hourly clean-up of accounts that are older than a week. */
function createMachine(store: TestStore) {
  const time = jumpingClock()
  const { clock, clockWatch } = time
  return {
    ...time,
    async signUp(change = {}) {
      const user = aUser({ emailConfirmed: false, creationTime: clock(), ...change })
      await store.write((tx) => tx.users.insert(user))
      return user
    },
    cleanUp: async () => (await removeExpiredAccounts({ store, clockWatch }, 7)).unconfirmed,
    times: () =>
      store.read(async (tx) => (await tx.users.listSummaries()).map((user) => user.creationTime)),
  }
}

describe.each(storeEngines)('unconfirmed accounts on $engine', ({ open }) => {
  test.each(jumps)(
    'are not removed by a clock that jumps %d days ahead, and are in their time',
    async (days) => {
      await using store = await open()
      const { jump, pass, signUp, cleanUp } = createMachine(store)
      await signUp()
      jump(days)
      await signUp()
      expect(await cleanUp()).toBe(0)
      jump(-days)
      expect(await cleanUp()).toBe(0)
      pass(7 * day - 1)
      expect(await cleanUp()).toBe(0)
      pass(day / 24)
      expect(await cleanUp()).toBe(2)
      expect(await listAuditRows(store)).toMatchObject([{ kind: 'users-expired', count: 2 }])
    },
  )

  test('have their whole time if they signed up before the clock of a machine that was off was corrected', async () => {
    await using store = await open()
    const { clock, jump, pass, signUp, cleanUp, times } = createMachine(store)
    const old = await signUp({ creationTime: clock() - 3 * day })
    await signUp()
    pass(60_000)
    await signUp()
    jump(21)
    expect(await cleanUp()).toBe(0)
    pass(day)
    // The one from before belongs to no time that was wrong.
    expect(await cleanUp()).toBe(1)
    const now = clock()
    expect(await times()).toEqual([now - day - 60_000, now - day])
    expect(await store.read((tx) => tx.users.findById(old.id))).toBeNull()
    // Once.
    await cleanUp()
    expect(await times()).toEqual([now - day - 60_000, now - day])
  })

  test.each([
    ['1970', 60_000],
    ['2000', Date.UTC(2000, 0, 1)],
    ['a far future', Date.UTC(2050, 0, 1)],
  ])(
    'that are dated in %s get the time at which that is seen, and so do their emails',
    async (_, time) => {
      await using store = await open()
      const { clock, pass, signUp, cleanUp, times } = createMachine(store)
      const user = await signUp({ creationTime: time })
      await store.write((tx) =>
        tx.users.claimConfirmationEmail(user.id, { now: time, unlessRequestedSince: 0 }),
      )
      const confirmed = await signUp({ creationTime: time, emailConfirmed: true })
      expect(await cleanUp()).toBe(0)
      expect(await times()).toEqual([clock(), time])
      pass(7 * day + 1)
      expect(await cleanUp()).toBe(1)
      expect(await store.read((tx) => tx.users.findById(confirmed.id))).not.toBeNull()
    },
  )
})

describe.each(storeEngines)('the known time on $engine', ({ open }) => {
  test('is what was saved last, with every member', async () => {
    await using store = await open()
    const find = () => store.read((tx) => tx.knownTime.find())
    expect(await find()).toBeNull()
    const states: KnownTime[] = [
      { time: 1, disproved: null, doubt: null },
      { time: 2, disproved: 9, doubt: { shown: 7, heldFor: 5 } },
    ]
    for (const state of states) {
      await store.write((tx) => tx.knownTime.save(state))
      expect(await find()).toEqual(state)
    }
  })
})

test.each(['', '{}', '[]', '{"time":"1"}', '{"time":null,"doubt":null}', 'x'])(
  'a known time of %p is as good as none',
  async (value) => {
    await using store = await openSqliteStore()
    await store.runOnWriter(`insert into facts (name, value) values ('known_time', '${value}')`)
    expect(await store.read((tx) => tx.knownTime.find())).toBeNull()
  },
)

test.each(jumps)(
  'ACME challenges of other servers stay while the clock is %d days ahead',
  async (days) => {
    await using store = await openSqliteStore()
    const { clock, clockWatch, jump } = createMachine(store)
    const challenges = createAcmeChallenges({ store, clock, clockWatch })
    await challenges.put('a-token-of-an-authority', 'key')
    jump(days)
    await challenges.put('another-token-of-an-authority', 'key')
    expect(await challenges.find('a-token-of-an-authority')).toBe('key')
  },
)

test('backups that began in the future are missed two days after the clock is right', async () => {
  await using store = await openSqliteStore()
  const { clock, jump, pass } = createMachine(store)
  const backups = createBackups({ store, clock })
  jump(3_653)
  expect(await backups.claim(clock())).toBeTrue()
  jump(-3_653)
  expect(await backups.claim(clock())).toBeTrue()
  expect(backupProblem(await backups.state(), clock())).toBeNull()
  pass(2 * day + 1)
  expect(backupProblem(await backups.state(), clock())).toBe('stale')
})

describe.each(storeEngines)('emails on $engine', ({ open }) => {
  test('that another worker sends are not taken over while the clock is implausible', async () => {
    await using store = await open()
    const { clock, signUp } = createMachine(store)
    const { id: userId } = await signUp()
    const message = { id: 'e', kind: 'confirmation', userId, baseUrl: 'http://pi/' } as const
    await store.write((tx) => tx.outbox.put({ ...message, creationTime: clock() }))
    const lease = (id: string, now: number, canTakeOver: boolean) =>
      store.write((tx) =>
        tx.outbox.lease({ id, now, until: now + 420_000, latest: now + day, canTakeOver }),
      )
    // One that nobody sends is sent.
    expect(await lease('first', clock(), false)).toMatchObject({ lease: 'first' })
    for (const days of jumps) expect(await lease('x', clock() + days * day, false)).toBeNull()
    expect(await lease('x', 60_000, false)).toBeNull()
    expect(await lease('second', clock() + 420_000, true)).toMatchObject({ lease: 'second' })
  })
})
