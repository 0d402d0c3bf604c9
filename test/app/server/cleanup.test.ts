import { expect, test } from 'bun:test'
import { startCleanup } from '../../../src/app/server/cleanup'
import { loadConfig } from '../../../src/config/load'
import { DomainError } from '../../../src/domain/errors'
import { createLog } from '../../../src/log'
import { aUser, openSqliteStore, openVault, type TestStore } from '../../support/store'
import { manualTiming, random, watchOf } from '../../support/timing'

const hour = 3_600_000

/** Starts the clean-up over a store whose writes fail while `fault.error` is set, one virtual hour per round. */
function startTestCleanup(
  store: TestStore,
  error: Error | null,
  environment: Record<string, string> = {},
) {
  const fault = { error }
  const failing: TestStore = {
    ...store,
    write: (work) => (fault.error === null ? store.write(work) : Promise.reject(fault.error)),
  }
  const { clock, wait, advance } = manualTiming()
  const { settings } = loadConfig({
    environment,
    flags: { dataDir: '/nonexistent' },
    file: null,
  })
  const lines: { level: string; message: string }[] = []
  const loop = startCleanup({
    store: failing,
    clockWatch: watchOf(clock),
    settings,
    runtime: { clock, monotonicClock: clock, wait, random },
    log: createLog('json', clock, (line) => lines.push(JSON.parse(line))),
    isConfirmationRequired: true,
  })
  return { loop, clock, fault, lines, advance }
}

test.each([
  [
    'warns once of a database that is away',
    new DomainError('unavailable', 'the database is away'),
    { level: 'warn', reason: 'the database is away' },
  ],
  [
    'logs a bug whole',
    new TypeError('undefined is not a function'),
    { level: 'error', fault: expect.stringContaining('cleanup.test.ts') },
  ],
])('the clean-up %s, and goes on', async (_name, error, line) => {
  await using store = await openSqliteStore()
  const user = aUser({ emailConfirmed: false, creationTime: Date.UTC(2026, 0, 2) })
  await store.write(async (tx) => await tx.users.insert(user))
  const { loop, fault, lines, advance } = startTestCleanup(store, error)
  await advance(2.5 * hour)
  expect(lines).toEqual([
    expect.objectContaining({ message: 'the removal of what is too old failed', ...line }),
  ])
  expect(await store.read((tx) => tx.users.findByEmail(user.email))).not.toBeNull()
  fault.error = null
  await advance(hour)
  expect(lines.at(-1)?.message).toBe('removed 1 unconfirmed account')
  expect(await store.read((tx) => tx.users.findByEmail(user.email))).toBeNull()
  expect(await loop.stop(1_000)).toBeTrue()
})

test.each([
  ['', 1],
  ['0', 0],
])(
  'accounts that were never confirmed are removed after %p days, and deleted ones after 7',
  async (days, unconfirmed) => {
    await using store = await openSqliteStore()
    const old = { emailConfirmed: false, creationTime: Date.UTC(2026, 0, 2) }
    await store.write(async (tx) => {
      for (let index = 0; index < 2; index++) {
        await tx.users.insert(aUser({ deletionTime: Date.UTC(2026, 0, 2) }))
      }
      await tx.users.insert(aUser(old))
      await tx.users.insert(aUser())
    })
    const { loop, lines, advance } = startTestCleanup(
      store,
      null,
      days === '' ? {} : { SNAILPASS_UNCONFIRMED_DAYS: days },
    )
    await advance(hour / 2)
    expect(lines.map(({ message }) => message)).toEqual([
      ...(unconfirmed === 0 ? [] : ['removed 1 unconfirmed account']),
      'removed 2 accounts that the owner had deleted',
    ])
    expect(await store.read((tx) => tx.users.listSummaries())).toHaveLength(2 - unconfirmed)
    expect(await loop.stop(1_000)).toBeTrue()
  },
)

test('versions of entries are deleted after 30 days', async () => {
  await using store = await openSqliteStore()
  const user = aUser()
  const note = { id: 'n', isFavorite: false, isTrashed: false, name: 'n:n', updateTime: 2 }
  await store.write(async (tx) => {
    await tx.users.insert(user)
    const vault = await openVault(tx, user.id, { now: Date.UTC(2026, 0, 2), maxBytes: 1e6 })
    await vault.notes.insert({ ...note, content: 'former:x', creationTime: 1 })
    await vault.notes.update({ ...note, content: 'present:x' })
  })
  const { loop, lines, advance } = startTestCleanup(store, null)
  await advance(hour / 2)
  expect(lines.map(({ message }) => message)).toEqual(['removed 1 old version of entries'])
  expect(await store.read((tx) => tx.history.list(user.id))).toEqual([])
  expect(await loop.stop(1_000)).toBeTrue()
})
