import { describe, expect, spyOn, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { Client } from 'pg'
import {
  clientClassFor,
  corkUntilNextTick,
  createHostSelector,
  type PostgresAddress,
  withFailover,
} from '../../src/engine/postgres/hosts'
import { type PostgresTls, supportsTls, tlsOptions } from '../../src/engine/postgres/tls'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { until } from '../support/until'

const noTls: PostgresTls = { mode: 'disable', rootCertificate: null, certificate: null, key: null }

function addressOf(
  hosts: readonly string[],
  mode: PostgresTls['mode'] = 'disable',
  change: Partial<PostgresAddress> = {},
): PostgresAddress {
  const [first = '', ...others] = hosts
  const host = (name: string) => ({ host: name, port: 5_432 })
  return {
    ...{ hosts: [host(first), ...others.map(host)], user: 'u', password: null, database: 'd' },
    ...{ tls: { ...noTls, mode }, poolSize: 4, options: null },
    ...change,
  }
}

/** A server that answers the first bytes of each connection. Records what it received. */
async function listen(answer: (socket: Socket) => void) {
  const received: Buffer[] = []
  const sockets: Socket[] = []
  let closed = 0
  const server: Server = createServer((socket) => {
    sockets.push(socket)
    socket.on('close', () => {
      closed++
    })
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => {
      received.push(bytes)
      answer(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    received,
    closed: () => closed,
    port: address.port,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

describe('the TLS options of a connection', () => {
  test.each([
    ['disable', false, false],
    ['prefer', { rejectUnauthorized: false }, { ca: 'ca', rejectUnauthorized: false }],
    [
      'require',
      { rejectUnauthorized: false },
      { ca: 'ca', rejectUnauthorized: true, checkServerIdentity: expect.any(Function) },
    ],
    [
      'verify-ca',
      { rejectUnauthorized: true, checkServerIdentity: expect.any(Function) },
      { ca: 'ca', rejectUnauthorized: true, checkServerIdentity: expect.any(Function) },
    ],
    ['verify-full', { rejectUnauthorized: true }, { ca: 'ca', rejectUnauthorized: true }],
  ] as const)(
    'are those of the mode %s, without and with a root certificate',
    (mode, without, withRoot) => {
      using folder = temporaryFolder()
      writeFileSync(`${folder.path}/ca.pem`, 'ca')
      expect(tlsOptions({ ...noTls, mode })).toEqual(without)
      const options = tlsOptions({ ...noTls, mode, rootCertificate: `${folder.path}/ca.pem` })
      expect(options).toEqual(withRoot)
      // Any name is accepted where the mode compares none.
      if (options !== false) {
        const check = options.checkServerIdentity
        expect(check === undefined || (check as () => unknown)() === undefined).toBeTrue()
      }
    },
  )

  test('contain the certificate and the key of the client', () => {
    using folder = temporaryFolder()
    for (const name of ['cert', 'key']) writeFileSync(`${folder.path}/${name}`, name)
    expect(
      tlsOptions({
        ...noTls,
        mode: 'verify-full',
        certificate: `${folder.path}/cert`,
        key: `${folder.path}/key`,
      }),
    ).toEqual({ cert: 'cert', key: 'key', rejectUnauthorized: true })
    expect(() => tlsOptions({ ...noTls, mode: 'prefer', key: `${folder.path}/missing` })).toThrow(
      'ENOENT',
    )
  })
})

describe('a server is asked whether it supports TLS', () => {
  test.each([
    ['S', true],
    ['N', false],
    ['E', false],
  ])('and answers %s', async (answer, expected) => {
    using server = await listen((socket) => socket.write(answer))
    expect(await supportsTls({ host: '127.0.0.1', port: server.port }, 60_000)).toBe(expected)
    expect(server.received).toEqual([Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])])
    await until(() => server.closed() === 1, 'the end of the connection', { interval: 1 })
  })

  test('and closes the connection, does not answer in time, or is not there', async () => {
    using closing = await listen((socket) => socket.destroy())
    using silent = await listen(() => {})
    const ask = (port: number, timeout: number) => supportsTls({ host: '127.0.0.1', port }, timeout)
    expect(await captureError(ask(closing.port, 5_000))).toBeInstanceOf(Error)
    expect(await captureError(ask(silent.port, 20))).toMatchObject({
      message: expect.stringContaining('timeout'),
    })
    expect(await captureError(ask(1, 5_000))).toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('the hosts of an address', () => {
  test('are used in turn, and a host that another connection has left is not left again', () => {
    const hosts = createHostSelector(addressOf(['a', 'b', 'c']))
    expect({ count: hosts.hostCount, current: hosts.current }).toEqual({
      count: 3,
      current: { host: 'a', port: 5_432, ssl: false },
    })
    const first = hosts.current
    hosts.failOver(first)
    expect(hosts.current.host).toBe('b')
    hosts.failOver(first)
    expect(hosts.current.host).toBe('b')
    hosts.failOver(hosts.current)
    hosts.failOver(hosts.current)
    expect(hosts.current).toBe(first)
  })

  test('are asked for TLS once if it is preferred, again after a failure, and never on a socket', async () => {
    using plain = await listen((socket) => socket.write('N'))
    using secure = await listen((socket) => socket.write('S'))
    const hosts = createHostSelector({
      ...addressOf([''], 'prefer'),
      hosts: [
        { host: '127.0.0.1', port: plain.port },
        { host: '127.0.0.1', port: secure.port },
        { host: '/run/postgresql', port: 5_432 },
      ],
    })
    expect(hosts.current.ssl).toBeNull()
    await hosts.detectTls()
    await hosts.detectTls()
    expect({ ssl: hosts.current.ssl, asked: plain.received.length }).toEqual({
      ssl: false,
      asked: 1,
    })
    const first = hosts.current
    hosts.failOver(first)
    expect(first.ssl).toBeNull()
    await hosts.detectTls()
    expect(hosts.current.ssl).toEqual({ rejectUnauthorized: false })
    hosts.failOver(hosts.current)
    await hosts.detectTls()
    expect(hosts.current).toEqual({ host: '/run/postgresql', port: 5_432, ssl: false })
    hosts.failOver(hosts.current)
    await hosts.detectTls()
    expect(plain.received).toHaveLength(2)
  })

  test('are left if they can not be asked for TLS', async () => {
    const hosts = createHostSelector({
      ...addressOf([''], 'prefer'),
      hosts: [
        { host: '127.0.0.1', port: 1 },
        { host: 'b', port: 2 },
      ],
    })
    expect(await captureError(hosts.detectTls())).toMatchObject({ code: 'ECONNREFUSED' })
    expect(hosts.current.host).toBe('b')
  })

  test('have TLS without being asked if it is required, but not on a socket', async () => {
    for (const mode of ['require', 'verify-full'] as const) {
      const hosts = createHostSelector(addressOf(['a', '/run/postgresql'], mode))
      await hosts.detectTls()
      expect(hosts.current.ssl).toEqual({ rejectUnauthorized: mode === 'verify-full' })
      const [first] = [hosts.current]
      hosts.failOver(first)
      expect({ ssl: hosts.current.ssl, before: first.ssl }).toEqual({
        ssl: false,
        before: { rejectUnauthorized: mode === 'verify-full' },
      })
    }
  })
})

describe('a connection', () => {
  /** Tries to connect, and returns the hosts that were tried. `isBad` leaves a host as a failed connection does. */
  async function connectTo(
    names: readonly string[],
    isBad: (host: string) => boolean,
    leaves = true,
  ) {
    const hosts = createHostSelector(addressOf(names))
    const tried: string[] = []
    const outcome = await withFailover(hosts, async () => {
      const { current } = hosts
      tried.push(current.host)
      if (!isBad(current.host)) return current.host
      if (leaves) hosts.failOver(current)
      throw new Error(`${current.host} is down`)
    }).catch((error: Error) => error)
    return { tried, outcome }
  }

  test('is tried on each host once', async () => {
    expect(await connectTo(['a', 'b', 'c'], (host) => host !== 'c')).toEqual({
      ...{ tried: ['a', 'b', 'c'], outcome: 'c' },
    })
    const { tried, outcome } = await connectTo(['a', 'b', 'c'], () => true)
    expect(tried).toEqual(['a', 'b', 'c'])
    expect(outcome).toMatchObject({
      ...{ name: 'ConnectionFault', message: 'no host of this database can be used' },
      cause: new Error('c is down'),
    })
    expect((await connectTo(['a'], () => true)).tried).toEqual(['a'])
  })

  test('stays with a host that has no free connection', async () => {
    const { tried, outcome } = await connectTo(['a', 'b'], () => true, false)
    expect({ tried, cause: (outcome as Error).cause }).toEqual({
      ...{ tried: ['a'], cause: new Error('a is down') },
    })
  })

  test('gets the settings of its address, and leaves a host that it can not reach', async () => {
    const hosts = createHostSelector(
      addressOf(['127.0.0.1', 'b'], 'disable', {
        hosts: [
          { host: '127.0.0.1', port: 1 },
          { host: 'b', port: 2 },
        ],
        user: 'user name',
        password: { reveal: () => 'secret' },
        database: 'the database',
        options: '-c search_path=vaults',
      }),
    )
    const Connection = clientClassFor(hosts, { statement_timeout: 7 })
    const client = new Connection()
    expect(client).toMatchObject({
      ...{ host: '127.0.0.1', port: 1, user: 'user name', password: 'secret', ssl: false },
      database: 'the database',
      connectionParameters: {
        ...{
          options: '-c search_path=vaults',
          application_name: 'snailpass',
          statement_timeout: 7,
        },
      },
    })
    expect(client.endpoint).toBe(hosts.current)
    expect(await captureError(client.connect())).toMatchObject({ code: 'ECONNREFUSED' })
    expect(hosts.current.host).toBe('b')
    // With a callback, as a pool connects.
    const other = new (clientClassFor(
      createHostSelector(
        addressOf(['127.0.0.1'], 'disable', { hosts: [{ host: '127.0.0.1', port: 1 }] }),
      ),
      {},
    ))()
    const { promise, resolve } = Promise.withResolvers<unknown>()
    other.connect((...outcome: unknown[]) => resolve(outcome))
    expect(await promise).toEqual([expect.objectContaining({ code: 'ECONNREFUSED' })])
  })

  test('is open only once it is known whether its host supports TLS', async () => {
    using secure = await listen((socket) => socket.write('S'))
    const hosts = createHostSelector({
      ...addressOf([''], 'prefer'),
      hosts: [
        { host: '127.0.0.1', port: 1 },
        { host: '127.0.0.1', port: secure.port },
      ],
    })
    // Not known yet: such a client would not use TLS.
    expect(new (clientClassFor(hosts, {}))()).toMatchObject({ port: 1, ssl: false })
    const found = await withFailover(hosts, async () => ({ ...hosts.current }))
    expect(found).toEqual({
      ...{ host: '127.0.0.1', port: secure.port, ssl: { rejectUnauthorized: false } },
    })
    expect(new (clientClassFor(hosts, {}))()).toMatchObject({
      ...{ port: secure.port, ssl: { rejectUnauthorized: false } },
      // Notices a peer that is gone.
      connection: { _keepAlive: true, _keepAliveInitialDelayMillis: 10_000 },
    })
  })

  test('sends what is asked in one turn together', async () => {
    const calls: string[] = []
    const stream = { cork: () => calls.push('cork'), uncork: () => calls.push('uncork') }
    corkUntilNextTick({ connection: { stream } } as unknown as Client)
    expect(calls).toEqual(['cork'])
    await new Promise<void>((resolve) => process.nextTick(resolve))
    expect(calls).toEqual(['cork', 'uncork'])
  })

  test('passes itself on once it is open', async () => {
    const hosts = createHostSelector(addressOf(['a', 'b']))
    using _ = spyOn(Client.prototype, 'connect').mockImplementation((() =>
      Promise.resolve()) as never)
    const client = new (clientClassFor(hosts, {}))()
    const { promise, resolve } = Promise.withResolvers<unknown>()
    client.connect((...outcome: unknown[]) => resolve(outcome))
    expect(await promise).toEqual([null, client])
    expect(hosts.current.host).toBe('a')
  })

  test('returns 64-bit numbers as numbers, and other types as the driver does', () => {
    const client = new (clientClassFor(createHostSelector(addressOf(['a'])), {}))()
    const parse = (oid: number, text: string) => client.getTypeParser(oid, 'text')(text)
    expect([parse(20, '1764041702123'), parse(25, '5'), parse(16, 't')]).toEqual([
      ...[1_764_041_702_123, '5', true],
    ])
  })
})
