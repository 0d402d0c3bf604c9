import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { aNote, aRecord, basicAuth, type Client, signUpAndLogIn } from '../support/client'
import { executable, type RunningServer, serve, temporaryFolder } from '../support/executable'

/** `TEST_SIEGE=whole` runs the long form of these tests. */
const isWhole = process.env['TEST_SIEGE'] === 'whole'
const stalling = isWhole ? 1_000 : 200
const signUps = isWhole ? 10_000 : 500
const addresses = isWhole ? 100_000 : 3_000
const guesses = isWhole ? 1_000 : 10
const longHeaders = isWhole ? 200 : 20
const attackers = isWhole ? 100 : 30
const slowAccounts = 10
const slowReaders = isWhole ? 1_000 : 60
/** Owners' sign-ins, one a second, and their readings of the vault. */
const ownersLogins = isWhole ? 120 : 4
const ownersReadings = isWhole ? 300 : 10

/** KiB by which the server's memory may grow, whatever strangers send. */
const maxGrowth = 150 * 1024

/**
 * KiB by which it may grow, however slowly large vaults are read. It is about 90 MB for 60 readers, and 360 MB without a bound for
 * all answers together; a thousand connections take about 100 MB themselves.
 */
const maxGrowthByReaders = (isWhole ? 250 : 150) * 1024

/** Rate limits are on, and the tests choose the addresses of clients. */
const environment = { SNAILPASS_RATE_LIMITS: '', SNAILPASS_TRUSTED_PROXIES: '127.0.0.1' }

function memoryOf({ pid }: RunningServer): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

/** Does work `times` times, `atOnce` of them at the same time. */
async function runConcurrently(
  times: number,
  atOnce: number,
  work: (index: number) => Promise<void>,
) {
  let next = 0
  const runNext = async () => {
    while (next < times) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, runNext))
}

/** Opens a connection that sends a byte now and then and never completes its request. */
function stall(url: URL, beginning: string, interval = 1_000): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(Number(url.port), '127.0.0.1', () => {
      socket.write(beginning)
      const drip = setInterval(() => socket.write('x'), interval)
      socket.on('close', () => clearInterval(drip))
      resolve(socket)
    })
    socket.on('error', () => resolve(socket))
  })
}

const endless = [
  'GET /records HTTP/1.1\r\nHost: pi\r\nx-',
  'POST /users HTTP/1.1\r\nHost: pi\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{',
]

const anAddress = () =>
  `2001:${Array.from(crypto.getRandomValues(new Uint16Array(7)), (part) => part.toString(16)).join(':')}`

/**
 * Reads, changes its one record and signs in repeatedly, as an honest client that must not notice the siege. Returns the number of
 * rounds.
 */
async function useServer(url: URL, client: Client, isOver: () => boolean): Promise<number> {
  const record = aRecord()
  expect((await client.send('POST', '/records', record)).status).toBe(201)
  const credentials = basicAuth('owner@nas.local', Buffer.from('hash of owner').toString('base64'))
  let rounds = 0
  for (; !isOver(); rounds++) {
    expect((await client.send('GET', '/records')).status).toBe(200)
    expect((await client.send('PUT', '/records', record)).status).toBe(200)
    if (rounds % 10 === 0) {
      const login = await fetch(new URL('/login', url), { headers: { authorization: credentials } })
      expect(login.status).toBe(200)
    }
    await Bun.sleep(50)
  }
  return rounds
}

test.skipIf(process.platform !== 'linux')(
  'whatever strangers send, memory is bounded and honest clients are served',
  async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path, environment)
    const { url } = server
    const client = await signUpAndLogIn(url, 'owner')
    const before = memoryOf(server)
    let maxMemory = before
    const watch = setInterval(() => {
      maxMemory = Math.max(maxMemory, memoryOf(server))
    }, 100)
    const end = new AbortController()
    const sockets: Socket[] = []
    // Also after a failure, which would go on in the next tests otherwise.
    using cleanup = new DisposableStack()
    cleanup.defer(() => {
      end.abort()
      clearInterval(watch)
      for (const socket of sockets) socket.destroy()
    })
    const honestUse = useServer(url, client, () => end.signal.aborted)

    await runConcurrently(stalling, 50, async (index) => {
      sockets.push(await stall(url, endless[index % 2] ?? ''))
    })

    const statuses = new Map<string, number>()
    const count = (what: string) => statuses.set(what, (statuses.get(what) ?? 0) + 1)
    await Promise.all([
      runConcurrently(signUps, 20, async (index) => {
        const answer = await fetch(new URL('/users', url), {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.7' },
          body: JSON.stringify({
            ...{ id: crypto.randomUUID(), email: `s${index}@nas.local` },
            ...{ master_password_hash: 'x', hint: null },
          }),
        })
        count(`sign-up ${answer.status}`)
      }),
      runConcurrently(addresses, 50, async () => {
        const answer = await fetch(new URL('/confirm/garbage', url), {
          headers: { 'x-forwarded-for': anAddress() },
        })
        count(`link ${answer.status}`)
      }),
      runConcurrently(guesses, isWhole ? 20 : 5, async (index) => {
        const answer = await fetch(new URL('/login', url), {
          headers: {
            authorization: basicAuth('owner@nas.local', `guess ${index}`),
            'x-forwarded-for': anAddress(),
          },
        })
        count(`login ${answer.status}`)
      }),
      runConcurrently(longHeaders, 5, async () => {
        const socket = await stall(
          url,
          `GET / HTTP/1.1\r\nHost: pi\r\nx-long: ${'x'.repeat(1024 ** 2)}`,
        )
        await new Promise((resolve) => socket.once('close', resolve))
      }),
    ])
    end.abort()
    expect(await honestUse).toBeGreaterThan(3)
    cleanup.dispose()

    // On a busy machine, some would be answered too late, and are refused at once.
    const allowed = [201, 503].map((status) => statuses.get(`sign-up ${status}`) ?? 0)
    expect(allowed[0]).toBeGreaterThan(0)
    expect(allowed.reduce((sum, count) => sum + count)).toBe(20)
    expect(statuses.get('sign-up 429')).toBe(signUps - 20)
    expect(statuses.get('link 200')).toBe(addresses)
    const refused = (statuses.get('login 401') ?? 0) + (statuses.get('login 429') ?? 0)
    expect(refused + (statuses.get('login 503') ?? 0)).toBe(guesses)
    expect(maxMemory - before).toBeLessThan(maxGrowth)
    expect(await server.end('SIGTERM')).toBe(0)
  },
  isWhole ? 900_000 : 300_000,
)

/** Signs in, guesses and signs up from all networks of one /48, with accounts of its own as well. */
async function attackFromBlock(url: URL, end: AbortSignal): Promise<Map<string, number>> {
  const statuses = new Map<string, number>()
  const random = () => crypto.getRandomValues(new Uint16Array(1))[0] ?? 0
  const ask = async (what: string, path: string, headers: HeadersInit, init: RequestInit = {}) => {
    const answer = await fetch(new URL(path, url), { ...init, headers, signal: end })
    const kind = `${what} ${answer.status}`
    statuses.set(kind, (statuses.get(kind) ?? 0) + 1)
  }
  const logIn = (what: string, email: string, hash: string, network: number) =>
    ask(what, '/login', {
      authorization: basicAuth(email, hash),
      'x-forwarded-for': `2001:db8:bad:${network.toString(16)}::1`,
    })
  const signUp = (email: string) =>
    ask(
      'sign-up',
      '/users',
      {
        'content-type': 'application/json',
        'x-forwarded-for': `2001:db8:bad:${random().toString(16)}::1`,
      },
      {
        method: 'POST',
        body: JSON.stringify({
          ...{ id: crypto.randomUUID(), email, master_password_hash: 'x', hint: null },
        }),
      },
    )
  await Promise.all(['mallory0', 'mallory1', 'mallory2'].map((name) => signUp(`${name}@evil.test`)))
  await runConcurrently(Number.POSITIVE_INFINITY, attackers, async (index) => {
    end.throwIfAborted()
    await [
      () => logIn('guess', 'owner@nas.local', crypto.randomUUID(), random()),
      () => logIn('other', `${random()}@nas.local`, 'x', random()),
      () => signUp(`${crypto.randomUUID()}@evil.test`),
      // From networks that these accounts know, and with the right credentials.
      () => logIn('own', `mallory${index % 3}@evil.test`, 'x', index % 30),
    ][index % 4]?.()
  }).catch((error: unknown) => {
    if (!end.aborted) throw error
  })
  return statuses
}

test(
  'the owner signs in from a new network each second while a /48 guesses and queues',
  async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path, environment)
    const { url } = server
    await signUpAndLogIn(url, 'owner')
    const end = new AbortController()
    using _ = { [Symbol.dispose]: () => end.abort() }
    const attack = attackFromBlock(url, end.signal)
    const hash = Buffer.from('hash of owner').toString('base64')
    const logins: { status: number; milliseconds: number }[] = []
    for (let index = 0; index < ownersLogins; index++) {
      const start = performance.now()
      const { status } = await fetch(new URL('/login', url), {
        headers: {
          authorization: basicAuth('owner@nas.local', hash),
          'x-forwarded-for': index % 2 === 0 ? `198.51.${index}.7` : `2001:db8:${index}::7`,
        },
      })
      const milliseconds = performance.now() - start
      logins.push({ status, milliseconds })
      await Bun.sleep(Math.max(0, 1_000 - milliseconds))
    }
    end.abort()
    const statuses = await attack
    expect(logins.filter(({ status }) => status !== 200)).toEqual([])
    // A few seconds say little about a busy machine.
    if (isWhole)
      expect(Math.max(...logins.map(({ milliseconds }) => milliseconds))).toBeLessThan(3_000)
    expect(statuses.get('guess 401')).toBeGreaterThan(0)
    expect(statuses.get('guess 401')).toBeLessThanOrEqual(33 + 16)
    if (isWhole) expect(statuses.get('guess 429')).toBeGreaterThan(0)
    expect(await server.end('SIGTERM')).toBe(0)
  },
  isWhole ? 900_000 : 300_000,
)

/** Asks for the notes of an account and takes nothing of the answer, again and again. */
function readSlowly(url: URL, client: Client, sockets: Set<Socket>): void {
  const socket = connect(Number(url.port), '127.0.0.1', () => {
    socket.write(`GET /notes HTTP/1.1\r\nHost: pi\r\nx-access-token: ${client.token}\r\n\r\n`)
  })
  socket.pause()
  sockets.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => {
    if (sockets.delete(socket)) readSlowly(url, client, sockets)
  })
}

test.skipIf(process.platform !== 'linux')(
  'slow readers of large vaults do not make memory grow, and others are served',
  async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path, environment)
    const { url } = server
    const addNotes = async (client: Client, count: number) => {
      for (let index = 0; index < count; index++) {
        const note = aNote({ content: `${'a'.repeat(500_000)}:` })
        expect((await client.send('POST', '/notes', note)).status).toBe(201)
      }
    }
    const slow: Client[] = []
    // One after another: ten at once would be too many for a busy machine, which rejects what it can't hash in time.
    for (let index = 0; index < slowAccounts; index++) {
      const client = await signUpAndLogIn(url, `slow${index}`)
      await addNotes(client, isWhole ? 60 : 20)
      slow.push(client)
    }
    const owner = await signUpAndLogIn(url, 'owner')
    await addNotes(owner, 4)
    await owner.send('POST', '/records', aRecord())

    const before = memoryOf(server)
    let maxMemory = before
    const sockets = new Set<Socket>()
    using cleanup = new DisposableStack()
    const watch = setInterval(() => {
      maxMemory = Math.max(maxMemory, memoryOf(server))
    }, 100)
    cleanup.defer(() => {
      clearInterval(watch)
      const open = [...sockets]
      sockets.clear()
      for (const socket of open) socket.destroy()
    })
    for (let index = 0; index < slowReaders; index++)
      readSlowly(url, slow[index % slowAccounts] ?? owner, sockets)

    for (let index = 0; index < ownersReadings; index++) {
      expect(await (await owner.send('GET', '/records')).json()).toHaveLength(1)
      expect(await (await owner.send('GET', '/notes')).json()).toHaveLength(4)
      await Bun.sleep(200)
    }
    expect(maxMemory - before).toBeLessThan(maxGrowthByReaders)
    cleanup.dispose()
    expect(await (await slow[0]?.send('GET', '/notes'))?.json()).toHaveLength(isWhole ? 60 : 20)
    expect(await server.end('SIGTERM')).toBe(0)
  },
  isWhole ? 900_000 : 300_000,
)

test('five hundred connections of one address at once are all answered', async () => {
  using folder = temporaryFolder()
  await using server = await serve(folder.path, environment)
  const client = await signUpAndLogIn(server.url, 'owner')
  await client.send('POST', '/records', aRecord())
  const sockets = await Promise.all(
    Array.from({ length: 500 }, () =>
      stall(server.url, 'GET /records HTTP/1.1\r\nHost: pi\r\n', 60_000),
    ),
  )
  const answers = await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<string>((resolve) => {
          let text = ''
          socket.on('data', (bytes) => {
            text += String(bytes)
          })
          socket.on('close', () => resolve(text))
          socket.write(`x-access-token: ${client.token}\r\nConnection: close\r\n\r\n`)
        }),
    ),
  )
  expect(new Set(answers.map((answer) => answer.split('\r\n')[0]))).toEqual(
    new Set(['HTTP/1.1 200 OK']),
  )
}, 300_000)

test('more connections than the process may have open files wait, and harm nothing', async () => {
  using folder = temporaryFolder()
  const limited = ['/bin/sh', '-c', 'ulimit -n 200; exec "$0" "$@"', executable]
  await using server = await serve(folder.path, environment, [], limited)
  const client = await signUpAndLogIn(server.url, 'owner')
  const sockets = await Promise.all(
    Array.from({ length: 400 }, (_, index) => stall(server.url, endless[index % 2] ?? '')),
  )
  await Bun.sleep(500)
  for (const socket of sockets) socket.destroy()
  expect((await client.send('POST', '/records', aRecord())).status).toBe(201)
  expect((await client.send('GET', '/records')).status).toBe(200)
  expect(await server.end('SIGTERM')).toBe(0)
}, 300_000)
