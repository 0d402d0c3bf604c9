import { describe, expect, test } from 'bun:test'
import { startTestServer, type TestServer } from '../support/server'
import { fakeClock } from '../support/timing'

const owner = { email: 'owner@nas.local', hash: 'the right hash' }

/** A server with one account, which trusts the client addresses that a test sends. */
async function startServerWithOwner(limits = '', iterations = 1) {
  const clock = fakeClock()
  const server = await startTestServer({
    settings: { SNAILPASS_RATE_LIMITS: limits, SNAILPASS_TRUSTED_PROXIES: '127.0.0.1' },
    runtime: { clock },
    iterations,
  })
  await signUp(server, owner.email, '192.168.1.1')
  return { server, clock, [Symbol.asyncDispose]: () => server.stop() }
}

function signUp({ url }: TestServer, email: string, address: string): Promise<Response> {
  return fetch(new URL('/users', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify({
      id: crypto.randomUUID(),
      email,
      master_password_hash: owner.hash,
      hint: null,
    }),
  })
}

async function login(
  { url }: TestServer,
  address: string,
  hash: string,
  email: string = owner.email,
): Promise<Response> {
  return await fetch(new URL('/login', url), {
    headers: { authorization: `Basic ${btoa(`${email}:${hash}`)}`, 'x-forwarded-for': address },
  })
}

/** Sends `times` logins, each with another wrong hash, and returns the statuses. */
async function guess(server: TestServer, address: string, times: number, email?: string) {
  const statuses: number[] = []
  for (let attempt = 0; attempt < times; attempt++) {
    statuses.push((await login(server, address, `guess ${crypto.randomUUID()}`, email)).status)
  }
  return statuses
}

describe('guessing a password', () => {
  test('is not assumed of a client that repeats one mistyped password forty times', async () => {
    await using setup = await startServerWithOwner()
    for (let attempt = 0; attempt < 40; attempt++) {
      expect((await login(setup.server, '10.0.0.9', 'mistyped')).status).toBe(401)
    }
    expect((await login(setup.server, '10.0.0.9', owner.hash)).status).toBe(200)
    expect(setup.server.log.filter((line) => line.includes('wrong credentials'))).toEqual([
      expect.stringContaining('"address":"10.0.0.9"'),
    ])
  })

  test('is blocked after ten distinct guesses, only for that address, and longer each time', async () => {
    await using setup = await startServerWithOwner()
    const { server, clock } = setup
    expect(await guess(server, '10.0.0.9', 11)).toEqual([...Array<number>(10).fill(401), 429])
    const refused = await login(server, '10.0.0.9', owner.hash)
    expect({
      status: refused.status,
      after: refused.headers.get('retry-after'),
      body: await refused.json(),
    }).toEqual({
      status: 429,
      after: '900',
      body: {
        message: { error: 'Too Many Requests. Too many attempts, try again in 15 minutes' },
      },
    })
    expect((await login(server, '10.0.0.10', owner.hash)).status).toBe(200)
    // The block is for this account only.
    expect(await guess(server, '10.0.0.9', 1, 'other@nas.local')).toEqual([401])
    clock.advance(900_000)
    expect(await guess(server, '10.0.0.9', 11)).toEqual([...Array<number>(10).fill(401), 429])
    expect((await login(server, '10.0.0.9', 'x')).headers.get('retry-after')).toBe('1800')
    expect(server.log.join()).not.toContain(owner.email)
  })

  test('is blocked for unknown accounts in the same way', async () => {
    await using setup = await startServerWithOwner()
    const statuses = await guess(setup.server, '10.0.0.9', 12)
    expect(await guess(setup.server, '10.0.0.8', 12, 'nobody@nas.local')).toEqual(statuses)
  })

  test('is blocked after ten guesses also if they are sent at once', async () => {
    await using setup = await startServerWithOwner()
    const guesses = Array.from({ length: 25 }, (_, attempt) =>
      login(setup.server, '10.0.0.9', `guess ${attempt}`),
    )
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(10)
    expect(statuses.filter((status) => status === 429)).toHaveLength(15)
  })

  test('from many networks blocks unknown networks, but not a network where the owner has signed in', async () => {
    await using setup = await startServerWithOwner('account-guesses=20/1h')
    const { server, clock } = setup
    expect((await login(server, '192.168.1.1', owner.hash)).status).toBe(200)
    for (let network = 0; network < 4; network++) await guess(server, `10.0.${network}.1`, 5)
    expect((await login(server, '10.9.9.9', owner.hash)).status).toBe(429)
    expect((await login(server, '192.168.1.1', owner.hash)).status).toBe(200)
    // Wrong guesses from that network are answered like those of strangers, and blocked at the limit as well.
    expect(await guess(server, '192.168.1.1', 20)).toEqual(Array<number>(20).fill(429))
    expect((await login(server, '192.168.1.1', owner.hash)).status).toBe(429)
    clock.advance(3_600_000)
    expect((await login(server, '10.9.9.9', owner.hash)).status).toBe(200)
  })

  test('from a network where the owner has signed in does not block the owner there', async () => {
    await using setup = await startServerWithOwner()
    const { server, clock } = setup
    expect((await login(server, '2001:db8:1:2::1', owner.hash)).status).toBe(200)
    // A household can use any address of its IPv6 network.
    const statuses: number[] = []
    for (let host = 0; host < 12; host++) {
      statuses.push(...(await guess(server, `2001:db8:1:2::${host + 16}`, 1)))
    }
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429])
    expect((await login(server, '2001:db8:1:2::7', owner.hash)).status).toBe(200)
    // The network is forgotten after some time, because addresses get other users.
    clock.advance(91 * 86_400_000)
    await guess(server, '2001:db8:1:2::1', 10)
    expect((await login(server, '2001:db8:1:2::7', owner.hash)).status).toBe(429)
  })

  test('at many accounts from one network is blocked too', async () => {
    await using setup = await startServerWithOwner('guessed-accounts=5/1h')
    for (let attempt = 0; attempt < 5; attempt++) {
      expect(await guess(setup.server, '10.0.0.9', 1, `u${attempt}@nas.local`)).toEqual([401])
    }
    expect(await guess(setup.server, '10.0.0.9', 1, 'u0@nas.local')).toEqual([429])
    expect((await login(setup.server, '10.0.0.9', owner.hash)).status).toBe(429)
    expect((await login(setup.server, '10.0.0.8', owner.hash)).status).toBe(200)
  })

  test('is not limited if SNAILPASS_RATE_LIMITS is off', async () => {
    await using setup = await startServerWithOwner('off')
    expect(await guess(setup.server, '10.0.0.9', 30)).toEqual(Array<number>(30).fill(401))
  })
})

describe('the owner', () => {
  test('can sign in while strangers in the same network fill the queue, and every new guess is logged', async () => {
    // The first check has to last until the others have arrived.
    await using setup = await startServerWithOwner('account-guesses=20/1h', 200_000)
    const { server } = setup
    expect((await login(server, '192.168.1.1', owner.hash)).status).toBe(200)
    const strangers = Array.from({ length: 60 }, () =>
      login(server, '192.168.1.1', 'x', 'nobody@nas.local'),
    )
    expect((await login(server, '192.168.1.1', owner.hash)).status).toBe(200)
    expect(new Set((await Promise.all(strangers)).map(({ status }) => status))).toEqual(
      new Set([401, 503]),
    )
    const before = server.log.filter((line) => line.includes('wrong credentials')).length
    await guess(server, '192.168.1.1', 15)
    const after = server.log.filter((line) => line.includes('wrong credentials')).length
    expect(after - before).toBe(15)
  })
})

describe('one block of networks', () => {
  test.each([
    ['a /48 of IPv6', (index: number) => `2001:db8:1:${index.toString(16)}::1`],
    ['a /24 of IPv4', (index: number) => `203.0.113.${index}`],
  ])(
    'that is %s and guesses at once gets a third of the guesses, and the owner signs in elsewhere',
    async (_, addressOf) => {
      await using setup = await startServerWithOwner()
      const { server } = setup
      const guesses = Array.from({ length: 200 }, (_, index) =>
        login(server, addressOf(index), `guess ${index}`),
      )
      expect((await login(server, '2001:db8:2:1::1', owner.hash)).status).toBe(200)
      const statuses = (await Promise.all(guesses)).map(({ status }) => status)
      const checked = statuses.filter((status) => status === 401).length
      // Guesses that are checked at the same time can exceed the limit.
      expect(checked).toBeGreaterThanOrEqual(33)
      expect(checked).toBeLessThanOrEqual(33 + 16)
      expect((await login(server, addressOf(250), owner.hash)).status).toBe(429)
      expect((await login(server, '198.51.100.7', owner.hash)).status).toBe(200)
    },
  )
})

describe('guesses from many networks at once', () => {
  test('are checked against the limit of the account when they leave the queue', async () => {
    await using setup = await startServerWithOwner('account-guesses=20/1h')
    const { server } = setup
    const statuses = (
      await Promise.all(
        Array.from({ length: 200 }, (_, network) =>
          login(server, `2001:db8:${network.toString(16)}::1`, `guess ${network}`),
        ),
      )
    ).map(({ status }) => status)
    // Guesses that are checked at the same time can exceed the limit.
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(20 + 16)
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(100)
  })
})

describe('one network', () => {
  test('can sign up only so many times, refused attempts included', async () => {
    await using setup = await startServerWithOwner('sign-ups=3/1h')
    const { server, clock } = setup
    const statuses: number[] = []
    for (const email of ['a@nas.local', 'b@nas.local', 'b@nas.local', 'c@nas.local']) {
      statuses.push((await signUp(server, email, '10.0.0.9')).status)
    }
    expect(statuses).toEqual([201, 201, 409, 429])
    expect((await login(server, '10.0.0.7', owner.hash, 'c@nas.local')).status).toBe(401)
    expect((await signUp(server, 'd@nas.local', '10.0.0.8')).status).toBe(201)
    clock.advance(3_600_000)
    expect((await signUp(server, 'c@nas.local', '10.0.0.9')).status).toBe(201)
  })

  test('can find out which addresses are invited only so many times', async () => {
    const server = await startTestServer({
      settings: {
        SNAILPASS_SIGNUPS: 'invited',
        SNAILPASS_RATE_LIMITS: 'sign-ups=3/1h',
        SNAILPASS_TRUSTED_PROXIES: '127.0.0.1',
      },
    })
    await using _ = server
    const statuses: number[] = []
    for (const email of ['a', 'b', 'c', 'd']) {
      statuses.push((await signUp(server, `${email}@nas.local`, '10.0.0.9')).status)
    }
    expect(statuses).toEqual([403, 403, 403, 429])
  })

  test('can open only so many invalid confirmation links, and gets a page that says so', async () => {
    await using setup = await startServerWithOwner('confirmations=2/1h')
    const open = (address: string) =>
      fetch(new URL('/confirm/garbage', setup.server.url), {
        headers: { 'x-forwarded-for': address },
      })
    expect((await open('10.0.0.9')).status).toBe(200)
    expect((await open('10.0.0.9')).status).toBe(200)
    const refused = await open('10.0.0.9')
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('3600')
    expect(await refused.text()).toContain('<h1>Too many attempts')
    expect((await open('10.0.0.8')).status).toBe(200)
  })
})
