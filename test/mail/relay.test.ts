import { describe, expect, test } from 'bun:test'
import { createTokens } from '../../src/crypto/tokens'
import { createEmailConfirmation } from '../../src/domain/email-confirmation'
import { unlimitedQuota } from '../../src/domain/quota'
import { createLog } from '../../src/log'
import { pauseAfter, startRelay } from '../../src/mail/relay'
import { createMailTransport, type MailServer } from '../../src/mail/transport'
import { aMailServer, linkIn, type TestMailServer } from '../support/mail'
import { aPostgresStore, aStore, aUser, hurriedTiming, type TestStore } from '../support/store'
import { random } from '../support/world'

const engines: { engine: string; open: () => Promise<TestStore> }[] = [
  { engine: 'SQLite', open: aStore },
  { engine: 'Postgres', open: () => aPostgresStore() },
]

const key = random(32)

/** Puts an account that is not confirmed and its letter into the store. */
async function withLetter(store: TestStore, clock: () => number) {
  const user = aUser({ emailConfirmed: false })
  const id = crypto.randomUUID()
  await store.write(async (scope) => {
    await scope.users.insert(user)
    await scope.outbox.put({
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
function aRelay(
  store: TestStore,
  mail: Pick<TestMailServer, 'port'>,
  options: { times?: number; server?: Partial<MailServer>; silence?: number } = {},
) {
  const timing = hurriedTiming(options.times ?? 200)
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
  const relay = startRelay({
    store,
    transport: createMailTransport(server, { silence: options.silence ?? 1_000 }),
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

const lettersIn = (store: TestStore) => store.read((scope) => scope.outbox.list())

describe.each(engines)('the relay over $engine', ({ open }) => {
  test('sends a letter once, with a link that confirms', async () => {
    await using store = await open()
    await using mail = await aMailServer()
    await using setup = aRelay(store, mail)
    const user = await withLetter(store, setup.clock)
    setup.relay.wake()
    const letter = await mail.next()
    expect(letter).toMatchObject({ from: 'vault@nas.local', to: [user.email] })
    for (const header of [
      /^From: SnailPass <vault@nas\.local>\r$/m,
      /^Subject: Confirm your email for SnailPass\r$/m,
      /^Message-ID: <[\w.-]+@nas\.local>\r$/m,
      /^Date: .+\r$/m,
      /^Auto-Submitted: auto-generated\r$/m,
      /^MIME-Version: 1\.0\r$/m,
    ]) {
      expect(letter.source).toMatch(header)
    }
    await until(async () => (await lettersIn(store)).length === 0)
    const tokens = createTokens(key, setup.clock)
    const { confirm } = createEmailConfirmation({
      store,
      tokens,
      quota: unlimitedQuota,
      clock: Date.now,
    })
    expect(linkIn(letter)).toStartWith('http://pi:5000/confirm/')
    expect(await confirm(linkIn(letter).split('/').at(-1) ?? '', { address: null })).toBe(
      'confirmed',
    )
    expect(mail.letters).toHaveLength(1)
    expect(setup.log.join()).not.toContain(linkIn(letter).slice(-30))
  })

  test('tries again after a passing refusal, until the letter is taken', async () => {
    await using store = await open()
    await using mail = await aMailServer()
    mail.refusals.push({ code: 451, text: 'greylisted' }, { code: 421, text: 'busy' })
    await using setup = aRelay(store, mail)
    await withLetter(store, setup.clock)
    setup.relay.wake()
    await mail.next()
    await until(async () => (await lettersIn(store)).length === 0)
    const told = setup.log.map((line) => JSON.parse(line))
    expect(told.map(({ message }) => message)).toEqual([
      'letter not sent yet',
      'letter not sent yet',
      'letter sent',
    ])
    expect(told[0].reason).toContain('451 greylisted')
    expect(told[2].attempts).toBe(3)
  })

  test('gives a letter up at once that is refused for good', async () => {
    await using store = await open()
    await using mail = await aMailServer()
    mail.refusals.push({ code: 554, text: 'never' })
    await using setup = aRelay(store, mail)
    const user = await withLetter(store, setup.clock)
    setup.relay.wake()
    await until(async () => (await lettersIn(store))[0]?.state === 'dead')
    expect(await lettersIn(store)).toMatchObject([
      { state: 'dead', attempts: 1, reason: expect.stringContaining('554 never') },
    ])
    expect(mail.letters).toEqual([])
    expect(setup.log.join()).not.toContain(user.email)
    // An operator who has mended it has it tried again.
    await store.write((scope) => scope.outbox.retry('dead', setup.clock()))
    setup.relay.wake()
    await mail.next()
  })

  test('keeps a letter while the password is wrong: that is not its fault', async () => {
    await using store = await open()
    const account: { isRight: boolean } = { isRight: false }
    await using mail = await aMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth(_auth, _session, callback) {
        if (account.isRight) callback(null, { user: 'me' })
        else callback(Object.assign(new Error('bad credentials'), { responseCode: 535 }))
      },
    })
    const password = { reveal: () => 'the password' }
    await using setup = aRelay(store, mail, { server: { user: 'me', password } })
    await withLetter(store, setup.clock)
    setup.relay.wake()
    await until(async () => (await lettersIn(store))[0]?.reason?.includes('535') === true)
    expect((await lettersIn(store))[0]?.state).toBe('queued')
    account.isRight = true
    await mail.next()
    expect(setup.log.join()).not.toContain('the password')
  })

  test('gives up after two days of trying', async () => {
    await using store = await open()
    // Nobody listens there.
    await using setup = aRelay(store, { port: 1 }, { times: 200_000 })
    await withLetter(store, setup.clock)
    setup.relay.wake()
    await until(async () => (await lettersIn(store))[0]?.state === 'dead')
    const [letter] = await lettersIn(store)
    expect(letter?.attempts).toBeGreaterThan(5)
    expect(letter?.reason).toContain('ECONNREFUSED')
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
      await using setup = aRelay(store, listener, { silence: 100 })
      await withLetter(store, setup.clock)
      setup.relay.wake()
      await until(() => setup.log.some((line) => line.includes('letter not sent yet')))
      listener.stop(true)
    }
    expect((await lettersIn(store)).every(({ state }) => state === 'queued')).toBeTrue()
  })

  test('does not send a letter again that it could not cross off when the database was away', async () => {
    await using store = await open()
    await using mail = await aMailServer()
    const database: { isAway: boolean } = { isAway: true }
    const writing = store.write
    const failing: TestStore = {
      ...store,
      write: (work) =>
        writing(async (scope) => {
          // The letter is gone by the time when it is to be crossed off, and so is the database.
          if (database.isAway && mail.letters.length > 0) throw new Error('the database is away')
          return await work(scope)
        }),
    }
    await using setup = aRelay(failing, mail)
    await withLetter(store, setup.clock)
    setup.relay.wake()
    await mail.next()
    await until(() => setup.log.some((line) => line.includes('out of reach at present')))
    database.isAway = false
    await until(async () => (await lettersIn(store)).length === 0)
    expect(mail.letters).toHaveLength(1)
  })

  test('does not keep a server from its end that has a letter under way', async () => {
    await using store = await open()
    using silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    await using setup = aRelay(store, silent, { times: 1, silence: 300 })
    await withLetter(store, setup.clock)
    setup.relay.wake()
    await until(async () => (await lettersIn(store))[0]?.attempts === 1)
    expect(await setup.relay.stop(1)).toBeFalse()
    expect(await setup.relay.stop(5_000)).toBeTrue()
  })

  test('makes the link when the letter is sent, however long it waited', async () => {
    await using store = await open()
    await using mail = await aMailServer()
    const { clock } = hurriedTiming(1)
    // It was asked for two hours ago, twice as long as a link lives.
    await withLetter(store, () => clock() - 2 * 3_600_000)
    await using setup = aRelay(store, mail, { times: 1 })
    const letter = await mail.next()
    const { confirm } = createEmailConfirmation({
      store,
      tokens: createTokens(key, setup.clock),
      quota: unlimitedQuota,
      clock: Date.now,
    })
    expect(await confirm(linkIn(letter).split('/').at(-1) ?? '', { address: null })).toBe(
      'confirmed',
    )
  })

  test('shares the work with others, and no letter goes out twice', async () => {
    await using store = await open()
    await using mail = await aMailServer()
    await using first = aRelay(store, mail, { times: 1 })
    await using second = aRelay(store, mail, { times: 1 })
    const addresses: string[] = []
    for (let index = 0; index < 100; index++) {
      addresses.push((await withLetter(store, first.clock)).email)
      if (index % 10 === 0) for (const { relay } of [first, second]) relay.wake()
    }
    for (const { relay } of [first, second]) relay.wake()
    await until(() => mail.letters.length >= 100)
    await until(async () => (await lettersIn(store)).length === 0)
    expect(new Set(mail.letters.map(({ to }) => to[0]))).toEqual(new Set(addresses))
    expect(mail.letters).toHaveLength(100)
    for (const { log } of [first, second]) {
      expect(log.filter((line) => line.includes('letter sent')).length).toBeGreaterThan(0)
    }
  }, 30_000)
})

test('the pauses between attempts grow from a minute to six hours, and differ', () => {
  const [least, most] = [() => new Uint8Array([0, 0]), () => new Uint8Array([255, 255])]
  const minutes = (attempts: number, chance: () => Uint8Array) =>
    Math.round(pauseAfter(attempts, chance) / 60_000)
  expect([1, 2, 3, 9, 10, 99].map((attempts) => minutes(attempts, least))).toEqual([
    1, 2, 3, 192, 270, 270,
  ])
  expect([1, 2, 3, 9, 10, 99].map((attempts) => minutes(attempts, most))).toEqual([
    1, 2, 5, 320, 450, 450,
  ])
})
