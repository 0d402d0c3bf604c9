import { describe, expect, test } from 'bun:test'
import { createTokens } from '../../src/crypto/tokens'
import { createEmailConfirmation } from '../../src/domain/email-confirmation'
import { unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import { createLog } from '../../src/log'
import { retryDelay, startOutboxWorker } from '../../src/mail/outbox-worker'
import { createMailTransport, type MailServer } from '../../src/mail/transport'
import { linkIn, startMailServer, type TestMailServer } from '../support/mail'
import {
  acceleratedTiming,
  aUser,
  openPostgresStore,
  openSqliteStore,
  type TestStore,
} from '../support/store'
import { random } from '../support/timing'

const engines: { engine: string; open: () => Promise<TestStore> }[] = [
  { engine: 'SQLite', open: openSqliteStore },
  { engine: 'Postgres', open: () => openPostgresStore() },
]

const key = random(32)

/** Puts an account that is not confirmed and its letter into the store. */
async function insertUserWithEmail(store: TestStore, clock: () => number) {
  const user = aUser({ emailConfirmed: false })
  const id = crypto.randomUUID()
  await store.write(async (tx) => {
    await tx.users.insert(user)
    await tx.outbox.put({
      id,
      userId: user.id,
      kind: 'confirmation',
      baseUrl: 'http://pi:5000/',
      creationTime: clock(),
    })
  })
  return user
}

/** A relay for which a minute passes in a third of a second, with its log. */
function startTestRelay(
  store: TestStore,
  mail: Pick<TestMailServer, 'port'>,
  options: { times?: number; server?: Partial<MailServer>; timeout?: number } = {},
) {
  const timing = acceleratedTiming(options.times ?? 200)
  const log: string[] = []
  const server: MailServer = {
    host: '127.0.0.1',
    port: mail.port,
    security: 'opportunistic',
    user: null,
    password: null,
    from: { name: 'SnailPass', address: 'vault@nas.local' },
    ...options.server,
  }
  const relay = startOutboxWorker({
    store,
    transport: createMailTransport(server, { timeout: options.timeout ?? 1_000 }),
    tokens: createTokens(key, timing.clock),
    ...timing,
    random,
    log: createLog('json', timing.clock, (line) => log.push(line)),
    linkMinutes: 60,
  })
  return {
    relay,
    log,
    ...timing,
    [Symbol.asyncDispose]: async () => void (await relay.stop(60_000_000)),
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(5)
}

const listEmails = (store: TestStore) => store.read((tx) => tx.outbox.list())

describe.each(engines)('the relay over $engine', ({ open }) => {
  test('sends a letter once, with a link that confirms', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    await using setup = startTestRelay(store, mail)
    const user = await insertUserWithEmail(store, setup.clock)
    setup.relay.wake()
    const email = await mail.next()
    expect(email).toMatchObject({ from: 'vault@nas.local', to: [user.email] })
    for (const header of [
      /^From: SnailPass <vault@nas\.local>\r$/m,
      /^Subject: Confirm your email for SnailPass\r$/m,
      /^Message-ID: <[\w.-]+@nas\.local>\r$/m,
      /^Date: .+\r$/m,
      /^Auto-Submitted: auto-generated\r$/m,
      /^MIME-Version: 1\.0\r$/m,
    ]) {
      expect(email.source).toMatch(header)
    }
    await until(async () => (await listEmails(store)).length === 0)
    const tokens = createTokens(key, setup.clock)
    const { confirm } = createEmailConfirmation({
      store,
      tokens,
      rateLimiter: unlimitedRateLimiter,
      clock: Date.now,
    })
    expect(linkIn(email)).toStartWith('http://pi:5000/confirm/')
    expect(await confirm(linkIn(email).split('/').at(-1) ?? '', { address: null })).toBe(
      'confirmed',
    )
    expect(mail.emails).toHaveLength(1)
    expect(setup.log.join()).not.toContain(linkIn(email).slice(-30))
  })

  test('tries again after a passing refusal, until the letter is taken', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    mail.refusals.push({ code: 451, text: 'greylisted' }, { code: 421, text: 'busy' })
    await using setup = startTestRelay(store, mail)
    await insertUserWithEmail(store, setup.clock)
    setup.relay.wake()
    await mail.next()
    await until(async () => (await listEmails(store)).length === 0)
    const entries = setup.log.map((line) => JSON.parse(line))
    expect(entries.map(({ message }) => message)).toEqual([
      'letter not sent yet',
      'letter not sent yet',
      'letter sent',
    ])
    expect(entries[0].reason).toContain('451 greylisted')
    expect(entries[2].attempts).toBe(3)
  })

  test('gives a letter up at once that is refused for good', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    mail.refusals.push({ code: 554, text: 'never' })
    await using setup = startTestRelay(store, mail)
    const user = await insertUserWithEmail(store, setup.clock)
    setup.relay.wake()
    await until(async () => (await listEmails(store))[0]?.state === 'dead')
    expect(await listEmails(store)).toMatchObject([
      { state: 'dead', attempts: 1, reason: expect.stringContaining('554 never') },
    ])
    expect(mail.emails).toEqual([])
    expect(setup.log.join()).not.toContain(user.email)
    // An operator who has mended it has it tried again.
    await store.write((tx) => tx.outbox.retry('dead', setup.clock()))
    setup.relay.wake()
    await mail.next()
  })

  test('keeps a letter while the password is wrong: that is not its fault', async () => {
    await using store = await open()
    const account: { isRight: boolean } = { isRight: false }
    await using mail = await startMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth(_auth, _session, callback) {
        if (account.isRight) callback(null, { user: 'me' })
        else callback(Object.assign(new Error('bad credentials'), { responseCode: 535 }))
      },
    })
    const password = { reveal: () => 'the password' }
    await using setup = startTestRelay(store, mail, { server: { user: 'me', password } })
    await insertUserWithEmail(store, setup.clock)
    setup.relay.wake()
    await until(async () => (await listEmails(store))[0]?.reason?.includes('535') === true)
    expect((await listEmails(store))[0]?.state).toBe('queued')
    account.isRight = true
    await mail.next()
    expect(setup.log.join()).not.toContain('the password')
  })

  test('gives up after two days of trying', async () => {
    await using store = await open()
    // Nobody listens there.
    await using setup = startTestRelay(store, { port: 1 }, { times: 200_000 })
    await insertUserWithEmail(store, setup.clock)
    setup.relay.wake()
    await until(async () => (await listEmails(store))[0]?.state === 'dead')
    const [email] = await listEmails(store)
    expect(email?.attempts).toBeGreaterThan(5)
    expect(email?.reason).toContain('ECONNREFUSED')
  })

  test('does not wait for good for a server that says nothing, or goes in the middle', async () => {
    await using store = await open()
    const behaviours = ['silent', 'gone'] as const
    for (const behaviour of behaviours) {
      using listener = Bun.listen({
        hostname: '127.0.0.1',
        port: 0,
        socket: {
          open(socket) {
            if (behaviour === 'gone') socket.write('220 hello\r\n')
          },
          data(socket, bytes) {
            const line = bytes.toString()
            if (line.startsWith('DATA')) socket.terminate()
            else socket.write('250 yes\r\n')
          },
        },
      })
      await using setup = startTestRelay(store, listener, { timeout: 100 })
      await insertUserWithEmail(store, setup.clock)
      setup.relay.wake()
      await until(() => setup.log.some((line) => line.includes('letter not sent yet')))
      listener.stop(true)
    }
    expect((await listEmails(store)).every(({ state }) => state === 'queued')).toBeTrue()
  })

  test('does not send a letter again that it could not cross off when the database was away', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    const database: { isAway: boolean } = { isAway: true }
    const writing = store.write
    const failing: TestStore = {
      ...store,
      write: (work) =>
        writing(async (tx) => {
          // The letter is gone by the time when it is to be crossed off, and so is the database.
          if (database.isAway && mail.emails.length > 0) throw new Error('the database is away')
          return await work(tx)
        }),
    }
    await using setup = startTestRelay(failing, mail)
    await insertUserWithEmail(store, setup.clock)
    setup.relay.wake()
    await mail.next()
    await until(() => setup.log.some((line) => line.includes('out of reach at present')))
    database.isAway = false
    await until(async () => (await listEmails(store)).length === 0)
    expect(mail.emails).toHaveLength(1)
  })

  test('does not keep a server from its end that has a letter under way', async () => {
    await using store = await open()
    using silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    await using setup = startTestRelay(store, silent, { times: 1, timeout: 300 })
    await insertUserWithEmail(store, setup.clock)
    setup.relay.wake()
    await until(async () => (await listEmails(store))[0]?.attempts === 1)
    expect(await setup.relay.stop(1)).toBeFalse()
    expect(await setup.relay.stop(5_000)).toBeTrue()
  })

  test('makes the link when the letter is sent, however long it waited', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    const { clock } = acceleratedTiming(1)
    // It was asked for two hours ago, twice as long as a link lives.
    await insertUserWithEmail(store, () => clock() - 2 * 3_600_000)
    await using setup = startTestRelay(store, mail, { times: 1 })
    const email = await mail.next()
    const { confirm } = createEmailConfirmation({
      store,
      tokens: createTokens(key, setup.clock),
      rateLimiter: unlimitedRateLimiter,
      clock: Date.now,
    })
    expect(await confirm(linkIn(email).split('/').at(-1) ?? '', { address: null })).toBe(
      'confirmed',
    )
  })

  test('shares the work with others, and no letter goes out twice', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    await using first = startTestRelay(store, mail, { times: 1 })
    await using second = startTestRelay(store, mail, { times: 1 })
    const addresses: string[] = []
    for (let index = 0; index < 100; index++) {
      addresses.push((await insertUserWithEmail(store, first.clock)).email)
      if (index % 10 === 0) for (const { relay } of [first, second]) relay.wake()
    }
    for (const { relay } of [first, second]) relay.wake()
    await until(() => mail.emails.length >= 100)
    await until(async () => (await listEmails(store)).length === 0)
    expect(new Set(mail.emails.map(({ to }) => to[0]))).toEqual(new Set(addresses))
    expect(mail.emails).toHaveLength(100)
    for (const { log } of [first, second]) {
      expect(log.filter((line) => line.includes('letter sent')).length).toBeGreaterThan(0)
    }
  }, 30_000)
})

test('the pauses between attempts grow from a minute to six hours, and differ', () => {
  const [min, max] = [() => new Uint8Array([0, 0]), () => new Uint8Array([255, 255])]
  const minutes = (attempts: number, chance: () => Uint8Array) =>
    Math.round(retryDelay(attempts, chance) / 60_000)
  expect([1, 2, 3, 9, 10, 99].map((attempts) => minutes(attempts, min))).toEqual([
    1, 2, 3, 192, 270, 270,
  ])
  expect([1, 2, 3, 9, 10, 99].map((attempts) => minutes(attempts, max))).toEqual([
    1, 2, 5, 320, 450, 450,
  ])
})
