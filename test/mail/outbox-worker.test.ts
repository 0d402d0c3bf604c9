import { describe, expect, test } from 'bun:test'
import { createEmailConfirmation } from '../../src/domain/email-confirmation'
import { DomainError } from '../../src/domain/errors'
import { unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import { createLog } from '../../src/log'
import { MailFault } from '../../src/mail/mail-fault'
import { retryDelay, startOutboxWorker } from '../../src/mail/outbox-worker'
import { createMailTransport, type MailServer, type MailTransport } from '../../src/mail/transport'
import { linkIn, startMailServer, type TestMailServer } from '../support/mail'
import { startPostgresFirst } from '../support/postgres'
import { aUser, storeEngines, type TestStore } from '../support/store'
import { type PatientTiming, patientTiming, random, watchOf } from '../support/timing'
import { createTestTokens } from '../support/tokens'
import { until } from '../support/until'

startPostgresFirst('newest')

const key = random(32)

/** Adds an account that is not confirmed, and its email to the outbox. */
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

const serverAt = (mail: Pick<TestMailServer, 'port'>): MailServer => ({
  host: '127.0.0.1',
  port: mail.port,
  security: 'opportunistic',
  ca: null,
  ehloName: 'vault.example.org',
  user: null,
  password: null,
  from: { name: 'SnailPass', address: 'vault@nas.local' },
})

/** Starts a worker, whose pauses take a thousandth. The limit of an attempt ends only when the test says so. */
function startTestWorker(
  store: TestStore,
  mail: Pick<TestMailServer, 'port'>,
  options: {
    timing?: PatientTiming
    server?: Partial<MailServer>
    timeout?: number
    send?: MailTransport['send']
  } = {},
) {
  const timing = options.timing ?? patientTiming({ longestPause: 30_000, speed: 1_000 })
  const log: string[] = []
  const server: MailServer = { ...serverAt(mail), ...options.server }
  const transport = createMailTransport(server, { timeout: options.timeout ?? 1_000 })
  const worker = startOutboxWorker({
    store,
    transport: { ...transport, send: options.send ?? transport.send },
    tokens: createTestTokens(key, timing.clock),
    ...timing,
    clockWatch: watchOf(timing.clock),
    random,
    log: createLog('json', timing.clock, (line) => log.push(line)),
    linkMinutes: 60,
  })
  return {
    worker,
    log,
    /** Resolves once so many lines are logged: that is what the worker does last, after it has changed the outbox. */
    untilLogged: (count: number) =>
      until(() => log.length >= count, `${count} lines of the log of the worker`),
    entries: () => log.map((line) => JSON.parse(line)),
    ...timing,
    [Symbol.asyncDispose]: async () => void (await worker.stop()),
  }
}

const listEmails = (store: TestStore) => store.read((tx) => tx.outbox.list())

const untilOutboxIsEmpty = (store: TestStore) =>
  until(async () => (await listEmails(store)).length === 0, 'the outbox to be empty')

const untilGivenUp = (store: TestStore) =>
  until(async () => (await listEmails(store))[0]?.state === 'dead', 'the email to be given up')

describe.each(storeEngines)('the outbox worker on $engine', ({ open }) => {
  test('sends an email once, with a link that confirms', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    await using setup = startTestWorker(store, mail)
    const user = await insertUserWithEmail(store, setup.clock)
    setup.worker.wake()
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
    await untilOutboxIsEmpty(store)
    const tokens = createTestTokens(key, setup.clock)
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
    await setup.untilLogged(1)
    expect(setup.log.join()).not.toContain(linkIn(email).slice(-30))
  })

  test('retries after a temporary refusal, until the email is accepted', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    mail.refusals.push({ code: 451, text: 'greylisted' }, { code: 421, text: 'busy' })
    await using setup = startTestWorker(store, mail)
    await insertUserWithEmail(store, setup.clock)
    setup.worker.wake()
    await mail.next()
    await untilOutboxIsEmpty(store)
    await setup.untilLogged(3)
    const entries = setup.entries()
    expect(entries.map(({ message }) => message)).toEqual([
      'email not sent, will be retried',
      'email not sent, will be retried',
      'email sent',
    ])
    expect(entries[0].reason).toContain('451 greylisted')
    expect(entries[2].attempts).toBe(3)
  })

  test('gives up at once on an email that is refused permanently', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    mail.refusals.push({ code: 554, text: 'never' })
    await using setup = startTestWorker(store, mail)
    const user = await insertUserWithEmail(store, setup.clock)
    setup.worker.wake()
    await untilGivenUp(store)
    expect(await listEmails(store)).toMatchObject([
      { state: 'dead', attempts: 1, reason: expect.stringContaining('554 never') },
    ])
    expect(mail.emails).toEqual([])
    await setup.untilLogged(1)
    expect(setup.log.join()).not.toContain(user.email)
    // An operator can retry it.
    await store.write((tx) => tx.outbox.retry('dead', setup.clock()))
    setup.worker.wake()
    await mail.next()
  })

  test('keeps an email while the password is wrong, because it can be sent later', async () => {
    await using store = await open()
    const account: { isAccepted: boolean } = { isAccepted: false }
    await using mail = await startMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth(_auth, _session, callback) {
        if (account.isAccepted) callback(null, { user: 'me' })
        else callback(Object.assign(new Error('bad credentials'), { responseCode: 535 }))
      },
    })
    const password = { reveal: () => 'the password' }
    await using setup = startTestWorker(store, mail, { server: { user: 'me', password } })
    await insertUserWithEmail(store, setup.clock)
    setup.worker.wake()
    await until(
      async () => (await listEmails(store))[0]?.reason?.includes('535'),
      'the refusal of the password in the outbox',
    )
    expect((await listEmails(store))[0]?.state).toBe('queued')
    account.isAccepted = true
    await mail.next()
    expect(setup.log.join()).not.toContain('the password')
  })

  test('gives up after two days of trying', async () => {
    await using store = await open()
    // Nothing listens there.
    await using setup = startTestWorker(store, { port: 1 })
    await insertUserWithEmail(store, setup.clock)
    setup.worker.wake()
    const isGivenUp = async () => {
      setup.advance(3_600_000)
      return (await listEmails(store))[0]?.state === 'dead'
    }
    await until(isGivenUp, 'the email to be given up')
    const [email] = await listEmails(store)
    expect(email?.attempts).toBeGreaterThan(5)
    expect(email?.reason).toContain('ECONNREFUSED')
  })

  test('retries after a server that stays silent or closes the connection', async () => {
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
      await using setup = startTestWorker(store, listener, { timeout: 100 })
      await insertUserWithEmail(store, setup.clock)
      setup.worker.wake()
      await until(
        () => setup.log.some((line) => line.includes('will be retried')),
        'the log line that the email will be retried',
      )
      listener.stop(true)
    }
    expect((await listEmails(store)).map(({ state }) => state)).toEqual(['queued', 'queued'])
  })

  test('does not send an email again that it could not delete because the database was away', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    const database: { isAway: boolean } = { isAway: true }
    const writing = store.write
    const failing: TestStore = {
      ...store,
      write: (work) =>
        writing(async (tx) => {
          // The database fails once the email was sent, before it is deleted.
          if (database.isAway && mail.emails.length > 0) {
            throw new DomainError('unavailable', 'the database is away')
          }
          return await work(tx)
        }),
    }
    await using setup = startTestWorker(failing, mail)
    await insertUserWithEmail(store, setup.clock)
    setup.worker.wake()
    await mail.next()
    await setup.untilLogged(1)
    expect(setup.entries()).toEqual([
      expect.objectContaining({
        level: 'warn',
        message: 'sending queued email failed',
        reason: 'the database is away',
      }),
    ])
    database.isAway = false
    await untilOutboxIsEmpty(store)
    expect(mail.emails).toHaveLength(1)
  })

  test('logs a bug whole, keeps the email queued and sends it once its lease ends', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    const errors: Error[] = [
      new TypeError('undefined is not a function'),
      new Error('neither a bug of ours nor a MailFault'),
    ]
    const send = createMailTransport(serverAt(mail)).send
    const timing = patientTiming({ longestPause: 30_000, speed: 1_000 })
    timing.hold()
    await using setup = startTestWorker(store, mail, {
      timing,
      send: (message) => {
        const error = errors.shift()
        return error === undefined ? send(message) : Promise.reject(error)
      },
    })
    const user = await insertUserWithEmail(store, setup.clock)
    setup.worker.wake()
    await setup.untilLogged(1)
    expect(await listEmails(store)).toMatchObject([
      { state: 'sending', attempts: 1, reason: null, userId: user.id },
    ])
    timing.release()
    await mail.next()
    await untilOutboxIsEmpty(store)
    await setup.untilLogged(3)
    expect(setup.entries()).toEqual([
      expect.objectContaining({
        level: 'error',
        message: 'sending queued email failed',
        fault: expect.stringMatching(/undefined is not a function[\s\S]*outbox-worker.test.ts/),
      }),
      expect.objectContaining({
        level: 'error',
        fault: expect.stringContaining('neither a bug of ours nor a MailFault'),
      }),
      expect.objectContaining({ level: 'info', message: 'email sent', attempts: 3 }),
    ])
    expect(mail.emails).toHaveLength(1)
  })

  test('sends other emails while one of them meets a bug', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    const send = createMailTransport(serverAt(mail)).send
    const broken: { address: string } = { address: '' }
    await using setup = startTestWorker(store, mail, {
      send: (message) =>
        message.to === broken.address ? Promise.reject(new TypeError('a bug')) : send(message),
    })
    broken.address = (await insertUserWithEmail(store, setup.clock)).email
    const other = await insertUserWithEmail(store, setup.clock)
    setup.worker.wake()
    expect((await mail.next()).to).toEqual([other.email])
    await until(async () => (await listEmails(store)).length === 1, 'the other email to be deleted')
    expect(await listEmails(store)).toMatchObject([{ email: broken.address, reason: null }])
  })

  test('postpones an email whose attempt takes longer than six minutes', async () => {
    await using store = await open()
    const { promise: sending, resolve: onSend } = Promise.withResolvers<void>()
    const timing = patientTiming({ longestPause: 30_000 })
    timing.hold()
    await using setup = startTestWorker(
      store,
      { port: 1 },
      {
        timing,
        send() {
          onSend()
          return new Promise(() => {})
        },
      },
    )
    await insertUserWithEmail(store, setup.clock)
    setup.worker.wake()
    await sending
    await until(() => timing.endLimits().includes(6 * 60_000), 'the limit of an attempt')
    await until(
      async () => (await listEmails(store))[0]?.state === 'queued' && setup.log.length > 0,
      'the email to be queued again',
    )
    expect(setup.entries()[0]).toMatchObject({
      level: 'warn',
      message: 'email not sent, will be retried',
      reason: 'the mail server took longer than six minutes',
    })
  })

  test('stops in time while an email is being sent', async () => {
    await using store = await open()
    using silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    await using setup = startTestWorker(store, silent, {
      timing: patientTiming({ longestPause: 30_000 }),
      timeout: 300,
    })
    await insertUserWithEmail(store, setup.clock)
    setup.worker.wake()
    await until(async () => (await listEmails(store))[0]?.attempts === 1, 'the first attempt')
    expect(await setup.worker.stop(1)).toBeFalse()
    expect(await setup.worker.stop(5_000)).toBeTrue()
  })

  test('creates the link when the email is sent, however long it was queued', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    // It was queued two hours ago; a link works for one.
    await insertUserWithEmail(store, () => Date.now() - 2 * 3_600_000)
    await using setup = startTestWorker(store, mail)
    const email = await mail.next()
    const { confirm } = createEmailConfirmation({
      store,
      tokens: createTestTokens(key, setup.clock),
      rateLimiter: unlimitedRateLimiter,
      clock: Date.now,
    })
    expect(await confirm(linkIn(email).split('/').at(-1) ?? '', { address: null })).toBe(
      'confirmed',
    )
  })

  test('shares the work with another worker, and no email is sent twice', async () => {
    await using store = await open()
    await using mail = await startMailServer()
    await using first = startTestWorker(store, mail, {
      timing: patientTiming({ longestPause: 30_000 }),
    })
    await using second = startTestWorker(store, mail, {
      timing: patientTiming({ longestPause: 30_000 }),
    })
    const addresses: string[] = []
    for (let index = 0; index < 100; index++) {
      addresses.push((await insertUserWithEmail(store, first.clock)).email)
      if (index % 10 === 0) for (const { worker } of [first, second]) worker.wake()
    }
    for (const { worker } of [first, second]) worker.wake()
    await until(() => mail.emails.length >= 100, 'a hundred emails')
    await untilOutboxIsEmpty(store)
    expect(new Set(mail.emails.map(({ to }) => to[0]))).toEqual(new Set(addresses))
    expect(mail.emails).toHaveLength(100)
    for (const { log } of [first, second]) {
      expect(log.filter((line) => line.includes('email sent')).length).toBeGreaterThan(0)
    }
  })
})

test('the delay between attempts grows from a minute to six hours and has a random part', () => {
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

describe('a mail transport', () => {
  test('reports what a mail server does as a MailFault', async () => {
    await using mail = await startMailServer()
    mail.refusals.push({ code: 554, text: 'no' })
    const message = { subject: 's', text: 't', html: 'h', to: 'owner@nas.local', id: '1' }
    const transport = createMailTransport(serverAt(mail))
    expect(await transport.send(message).catch((error: unknown) => error)).toBeInstanceOf(MailFault)
    const unreachable = createMailTransport(serverAt({ port: 1 }))
    expect(await unreachable.check().catch((error: unknown) => error)).toBeInstanceOf(MailFault)
  })

  test('does not report a bug as one', async () => {
    await using mail = await startMailServer()
    const { send } = createMailTransport(serverAt(mail))
    const message = {
      subject: 's',
      text: 't',
      get html(): string {
        throw new TypeError('undefined is not a function')
      },
      to: 'owner@nas.local',
      id: '1',
    }
    expect(await send(message).catch((error: unknown) => error)).toBeInstanceOf(TypeError)
  })
})
