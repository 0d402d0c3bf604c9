import { expect, test } from 'bun:test'
import { createMailService } from '../../../src/app/server/confirmation-mail'
import { loadConfig } from '../../../src/config/load'
import { DomainError } from '../../../src/domain/errors'
import { createLog } from '../../../src/log'
import { aUser, openSqliteStore, type TestStore } from '../../support/store'
import { manualTiming, random, watchOf } from '../../support/timing'
import { createTestTokens } from '../../support/tokens'

const hour = 3_600_000

/** Starts the mail service over a store whose writes fail while `fault.error` is set, one virtual hour per round. */
async function startTestService(store: TestStore, error: Error | null) {
  const fault = { error }
  const failing: TestStore = {
    ...store,
    write: (work) => (fault.error === null ? store.write(work) : Promise.reject(fault.error)),
  }
  const { clock, wait, advance } = manualTiming()
  const { settings } = loadConfig({
    environment: { SNAILPASS_EMAIL_CONFIRMATION: 'required' },
    flags: { dataDir: '/nonexistent' },
    file: null,
  })
  const lines: { level: string; message: string }[] = []
  const service = await createMailService({
    store: failing,
    isShared: false,
    clockWatch: watchOf(clock),
    tokens: createTestTokens(random(32), clock),
    settings,
    runtime: { clock, monotonicClock: clock, wait, random },
    log: createLog('json', clock, (line) => lines.push(JSON.parse(line))),
  })
  return { service, fault, lines, advance }
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
    { level: 'error', fault: expect.stringContaining('confirmation-mail.test.ts') },
  ],
])('the removal of unconfirmed accounts %s, and goes on', async (_name, error, line) => {
  await using store = await openSqliteStore()
  const user = aUser({ emailConfirmed: false, creationTime: Date.UTC(2026, 0, 2) })
  await store.write(async (tx) => await tx.users.insert(user))
  const { service, fault, lines, advance } = await startTestService(store, error)
  const running = service.start()
  await advance(2.5 * hour)
  expect(lines).toEqual([
    expect.objectContaining({ message: 'email confirmation: required, by an operator' }),
    expect.objectContaining({ message: 'the removal of unconfirmed accounts failed', ...line }),
  ])
  expect(await store.read((tx) => tx.users.findByEmail(user.email))).not.toBeNull()
  fault.error = null
  await advance(hour)
  expect(lines.at(-1)?.message).toBe('removed 1 unconfirmed account')
  expect(await store.read((tx) => tx.users.findByEmail(user.email))).toBeNull()
  expect(await running.stop(1_000)).toBeTrue()
})
