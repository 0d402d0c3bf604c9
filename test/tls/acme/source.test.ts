import { afterAll, describe, expect, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { acmePaths } from '../../../src/tls/acme/files'
import { startAcmeSource } from '../../../src/tls/acme/source'
import {
  type AcmeServer,
  failedMessage,
  issuedMessage,
  startAcmeProxy,
  startAcmeServer,
  unsavedMessage,
} from '../../support/acme'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import { freePort } from '../../support/free-port'
import { createPebblePool, startPebble } from '../../support/pebble'
import { createPostgresDatabase, startPostgresFirst } from '../../support/postgres'
import { queryRows } from '../../support/store'
import { random } from '../../support/timing'
import { createTestLog } from '../../support/tls'
import { until } from '../../support/until'

startPostgresFirst('newest')

const pebbles = createPebblePool()
afterAll(pebbles.stop)

const name = 'vault.example.org'
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const untilTrusted = (server: AcmeServer, root: string, host: string = name) =>
  until(
    async () => (await server.readPresentedCertificate(root, host)).isTrusted,
    `the server to present a trusted certificate for ${host}`,
    { interval: 20 },
  )

describe('a certificate from ACME', () => {
  test('is ordered at the first start, while HTTPS uses a placeholder that nobody trusts', async () => {
    await using pebble = await startPebble({ badNonces: 15 })
    await using server = await startAcmeServer(pebble, {
      settings: { SNAILPASS_ACME_NAMES: `${name}, pass.example.org` },
    })
    const root = await pebble.fetchRoot()
    expect((await server.readPresentedCertificate(root, name)).isTrusted).toBeFalse()
    await server.waitForLog(issuedMessage)
    await untilTrusted(server, root)
    expect((await server.readPresentedCertificate(root, 'pass.example.org')).isTrusted).toBeTrue()
    expect(server.listLogEntries(failedMessage)).toEqual([])
    // No browser trusts Pebble, so the server must not send Strict-Transport-Security.
    const [, https] = server.urls
    const answer = await fetch(new URL('/healthz', https), { tls: { rejectUnauthorized: false } })
    expect(answer.headers.has('strict-transport-security')).toBeFalse()

    const folder = join(server.dataDir, 'tls')
    const { account, cert, key } = acmePaths(folder, pebble.directory)
    const files = ['.lock', ...[account, cert, key].map((path) => basename(path))]
    expect(readdirSync(folder).sort()).toEqual(files)
    for (const file of files.slice(1)) {
      expect(statSync(join(folder, file)).mode & 0o777, file).toBe(0o600)
      expect(server.log.join('\n')).not.toContain(
        readFileSync(join(folder, file), 'utf8').split('\n')[2] ?? '',
      )
    }
  })

  test('is saved for each CA: a restart orders nothing, other names or another CA order a new one', async () => {
    using folder = temporaryFolder()
    await using pebble = await pebbles.take()
    const root = await pebble.fetchRoot()
    const start = (settings: Readonly<Record<string, string>> = {}, acmeServer = pebble) =>
      startAcmeServer(acmeServer, { dataDir: folder.path, settings })
    const account = ({ directory } = pebble) =>
      readFileSync(acmePaths(join(folder.path, 'tls'), directory).account, 'utf8')
    {
      await using first = await start()
      await first.waitForLog(issuedMessage)
    }
    const firstAccount = account()
    {
      await using second = await start()
      expect((await second.readPresentedCertificate(root, name)).isTrusted).toBeTrue()
      second.advance(50 * day)
      await Bun.sleep(100)
      expect(second.listLogEntries(issuedMessage)).toEqual([])
      expect(pebble.countOrders()).toBe(1)
    }
    {
      await using third = await start({ SNAILPASS_ACME_NAMES: 'other.example.org' })
      expect((await third.readPresentedCertificate(root, name)).isTrusted).toBeFalse()
      await third.waitForLog(issuedMessage)
      expect(account()).toBe(firstAccount)
      expect(pebble.countOrders()).toBe(2)
    }
    await using other = await pebbles.take()
    const names = { SNAILPASS_ACME_NAMES: 'other.example.org' }
    {
      await using fourth = await start(names, other)
      await fourth.waitForLog(issuedMessage)
      expect(account(other)).not.toBe(firstAccount)
    }
    // After a return to the first CA its account and certificate are used again.
    await using fifth = await start(names)
    expect((await fifth.readPresentedCertificate(root, 'other.example.org')).isTrusted).toBeTrue()
    await Bun.sleep(100)
    expect(fifth.listLogEntries(issuedMessage)).toEqual([])
    expect(account()).toBe(firstAccount)
    expect([pebble.countOrders(), other.countOrders()]).toEqual([2, 1])
  })

  test('is renewed when a third of its lifetime is left', async () => {
    await using pebble = await pebbles.take()
    await using server = await startAcmeServer(pebble)
    const root = await pebble.fetchRoot()
    await server.waitForLog(issuedMessage)
    await untilTrusted(server, root)
    const { certificate: first } = await server.readPresentedCertificate(root, name)
    server.advance(57 * day - hour)
    await Bun.sleep(50)
    expect(pebble.countOrders()).toBe(1)

    server.advance(3 * day + 2 * hour)
    await server.waitForLog(issuedMessage, 2)
    // The listener replaces it when no connection is busy.
    const serial = async () =>
      (await server.readPresentedCertificate(root, name)).certificate.serialNumber
    await until(
      async () => (await serial()) !== first.serialNumber,
      'the server to present the renewed certificate',
      { interval: 1_200 },
    )
    expect((await server.readPresentedCertificate(root, name)).isTrusted).toBeTrue()
    expect(pebble.countOrders()).toBe(2)
    expect(server.listLogEntries(failedMessage)).toEqual([])
  })

  test('that is damaged, or does not match its key, is replaced', async () => {
    using folder = temporaryFolder()
    await using pebble = await pebbles.take()
    const { cert, key } = acmePaths(join(folder.path, 'tls'), pebble.directory)
    for (const path of [cert, key]) {
      {
        await using server = await startAcmeServer(pebble, { dataDir: folder.path })
        await server.waitForLog(issuedMessage)
      }
      writeFileSync(path, readFileSync(path, 'utf8').replace(/[A-Za-z0-9]{20}/, 'AAAA'))
    }
    await using server = await startAcmeServer(pebble, { dataDir: folder.path })
    await server.waitForLog(issuedMessage)
    expect(pebble.countOrders()).toBe(3)
  })

  test('is issued to the server that orders it, although the CA connects to another server of the same database', async () => {
    await using database = await createPostgresDatabase()
    const settings = {
      SNAILPASS_DATABASE_URL: database.url,
      SNAILPASS_SECRET_KEY: 'the key of both of them',
    }
    await using pebble = await pebbles.take()
    const unreachable = { directory: 'https://localhost:1/dir', caFile: pebble.caFile }
    // Enough time for Postgres on a busy machine: its timeouts are among the waits.
    const options = { settings, maxRealWait: 30_000 }
    await using answering = await startAcmeServer({ ...pebble, ...unreachable }, options)
    await using ordering = await startAcmeServer(pebble, { ...options, listen: '127.0.0.1:0' })
    await ordering.waitForLog(issuedMessage)
    const challenges = answering
      .listLogEntries('request')
      .map(({ route, status }) => [route, status])
    expect(challenges).toContainEqual(['/.well-known/acme-challenge/:token', 200])
    // The response to the challenge has been removed.
    expect(await queryRows(database.url, "select * from facts where name like 'acme%'")).toEqual([])
  })
})

test('a saved certificate that can not be read stops the start, and nothing is ordered', async () => {
  using folder = temporaryFolder()
  await using pebble = await pebbles.take()
  const { cert, key } = acmePaths(join(folder.path, 'tls'), pebble.directory)
  for (const path of [cert, key]) mkdirSync(path, { recursive: true })
  expect(await captureError(startAcmeServer(pebble, { dataDir: folder.path }))).toMatchObject({
    code: 'unavailable',
    hint: expect.stringContaining('may read and write there'),
  })
  expect(pebble.countOrders()).toBe(0)
})

test('a certificate that can not be saved is served anyway, and saved later instead of ordered again', async () => {
  using folder = temporaryFolder()
  await using pebble = await pebbles.take()
  const path = acmePaths(join(folder.path, 'tls'), pebble.directory).cert
  // A folder in the place of the file acts as a full disk, also for root.
  mkdirSync(path, { recursive: true })
  await using server = await startAcmeServer(pebble, { dataDir: folder.path })
  const root = await pebble.fetchRoot()
  await server.waitForLog(unsavedMessage)
  expect(server.listLogEntries(unsavedMessage)[0]).toMatchObject({
    level: 'error',
    hint: expect.stringContaining('the disk has space'),
  })
  await untilTrusted(server, root)
  for (let tries = 2; tries < 5; tries++) {
    server.advance(hour)
    await server.waitForLog(unsavedMessage, tries)
  }
  expect(pebble.countOrders()).toBe(1)

  rmSync(path, { recursive: true })
  server.advance(hour)
  await until(() => existsSync(path), 'the certificate to be saved')
  expect(readFileSync(path, 'utf8')).toContain('-----BEGIN CERTIFICATE-----')
  expect(server.listLogEntries(failedMessage)).toEqual([])
  expect(pebble.countOrders()).toBe(1)
})

test('nothing is ordered while a certificate could not be saved', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'tls')
  writeFileSync(path, 'in the way')
  await using pebble = await pebbles.take()
  await using server = await startAcmeServer(pebble, { dataDir: folder.path })
  await server.waitForLog(failedMessage)
  expect(server.listLogEntries(failedMessage)[0]).toMatchObject({
    reason: expect.stringContaining(`${path} can't be used`),
    hint: expect.stringContaining('the disk has space'),
  })
  expect(pebble.countOrders()).toBe(0)
  rmSync(path)
  server.advance(hour)
  await server.waitForLog(issuedMessage)
  expect(readdirSync(path).filter((file) => file.endsWith('.room'))).toEqual([])
})

test('a name that is added and can not be proven does not affect the others', async () => {
  using folder = temporaryFolder()
  const refusing = new Set<string>()
  await using pebble = await pebbles.take()
  using front = await startAcmeProxy(pebble, (path) =>
    refusing.has(path) ? new Response('', { status: 503 }) : null,
  )
  {
    await using first = await startAcmeServer(front, { dataDir: folder.path })
    await first.waitForLog(issuedMessage)
  }
  const root = await pebble.fetchRoot()
  const added = 'added.example.org'
  refusing.add('/order-plz')
  await using server = await startAcmeServer(front, {
    dataDir: folder.path,
    settings: { SNAILPASS_ACME_NAMES: `${name}, ${added}` },
  })
  await server.waitForLog(failedMessage)
  expect(server.listLogEntries(failedMessage)[0]).toMatchObject({ served: 'the old certificate' })
  expect((await server.readPresentedCertificate(root, name)).isTrusted).toBeTrue()
  expect((await server.readPresentedCertificate(root, added)).isTrusted).toBeFalse()
  expect(
    server.listLogEntries('the certificate lacks names until the next one is issued'),
  ).toMatchObject([{ level: 'warn', names: added }])

  refusing.clear()
  server.advance(hour)
  await server.waitForLog(issuedMessage)
  await untilTrusted(server, root, added)
  expect((await server.readPresentedCertificate(root, name)).isTrusted).toBeTrue()
})

test('a clock that was ahead at the start and is then corrected delays nothing', async () => {
  using folder = temporaryFolder()
  const { log, listEntries } = createTestLog()
  const waits: number[] = []
  const { promise: waitedTwice, resolve } = Promise.withResolvers<void>()
  let ahead = 3650 * day
  const source = await startAcmeSource({
    config: {
      directory: `https://localhost:${freePort()}/dir`,
      names: [name],
      email: null,
      externalAccount: null,
      ca: null,
    },
    folder: folder.path,
    challenges: { put: async () => {}, remove: async () => {} },
    version: '0',
    clock: () => Date.now() + ahead,
    random,
    async wait(milliseconds, signal) {
      waits.push(milliseconds)
      ahead -= 10 * day
      if (waits.length === 1) return
      resolve()
      await new Promise((end) => signal?.addEventListener('abort', end))
    },
    log,
  })
  await waitedTwice
  await source.stop()
  expect(listEntries('error')).toMatchObject([{ message: failedMessage }])
  expect(waits[0]).toBeLessThan(minute)
  expect(waits[1]).toBeLessThan(2 * minute)
})

describe('a CA that rejects', () => {
  test('a name that does not resolve to this server: the log says why, and what to do', async () => {
    await using pebble = await pebbles.take()
    await using server = await startAcmeServer(pebble, { listen: '127.0.0.1:0' })
    await server.waitForLog(failedMessage)
    const [fault] = server.listLogEntries(failedMessage)
    expect(fault).toMatchObject({
      level: 'error',
      reason: expect.stringMatching(
        /^the challenge for vault\.example\.org was rejected: .*refused/,
      ),
      hint: expect.stringContaining('port 80'),
      served: 'a placeholder',
    })
    const delay = Date.parse(String(fault?.['next'])) - Date.parse(String(fault?.['time']))
    expect(delay).toBeGreaterThan(14 * minute)
    // A quarter longer at most, and the waits of the order, which take no time here.
    expect(delay).toBeLessThan(24 * minute)

    // Each further failure makes the delay longer.
    server.advance(20 * minute)
    await server.waitForLog(failedMessage, 2)
    const second = server.listLogEntries(failedMessage)[1]
    expect(
      Date.parse(String(second?.['next'])) - Date.parse(String(second?.['time'])),
    ).toBeGreaterThan(delay)
  })

  test('a renewal: the old certificate stays in use, and a later attempt succeeds', async () => {
    const closed = new Set<string>()
    await using pebble = await pebbles.take()
    using front = await startAcmeProxy(pebble, (path) =>
      closed.has(path) ? new Response('', { status: 503 }) : null,
    )
    await using server = await startAcmeServer(front)
    const root = await pebble.fetchRoot()
    await server.waitForLog(issuedMessage)
    closed.add('/order-plz')
    server.advance(61 * day)
    await server.waitForLog(failedMessage)
    expect(server.listLogEntries(failedMessage)[0]).toMatchObject({
      reason: 'the order was rejected: the certificate authority gave no reason',
      served: 'the old certificate',
    })
    await untilTrusted(server, root)
    closed.clear()
    server.advance(hour)
    await server.waitForLog(issuedMessage, 2)
  })

  test('every nonce: the log repeats its message, and the next attempt is not soon', async () => {
    await using pebble = await pebbles.take()
    const problem = {
      type: 'urn:ietf:params:acme:error:badNonce',
      detail: `stale\r\n${'x'.repeat(9_000)}`,
    }
    using front = await startAcmeProxy(pebble, (path) =>
      path === '/order-plz' ? Response.json(problem, { status: 400 }) : null,
    )
    await using server = await startAcmeServer(front)
    await server.waitForLog(failedMessage)
    const [fault] = server.listLogEntries(failedMessage)
    expect(fault?.['reason']).toMatch(/^the order was rejected: stale x{300,400}$/)
    expect(Date.parse(String(fault?.['next'])) - Date.now()).toBeGreaterThan(14 * minute)
  })

  test('an account that was closed: the hint says how to create another', async () => {
    await using pebble = await pebbles.take()
    const problem = { type: 'urn:ietf:params:acme:error:unauthorized', detail: 'deactivated' }
    using front = await startAcmeProxy(pebble, (path) =>
      path === '/sign-me-up' ? Response.json(problem, { status: 403 }) : null,
    )
    await using server = await startAcmeServer(front)
    await server.waitForLog(failedMessage)
    expect(server.listLogEntries(failedMessage)[0]).toMatchObject({
      reason: 'the account was rejected: deactivated',
      hint: expect.stringContaining('-account.key'),
    })
  })

  test('orders over its limit: the next attempt is not before the time that it asks for', async () => {
    const limited = new Set(['/order-plz'])
    await using pebble = await pebbles.take()
    using front = await startAcmeProxy(pebble, (path) => {
      if (!limited.has(path)) return null
      return Response.json(
        { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many\u001b[31m\norders' },
        { status: 429, headers: { 'retry-after': String(30 * 3600) } },
      )
    })
    await using server = await startAcmeServer(front)
    await server.waitForLog(failedMessage)
    expect(server.listLogEntries(failedMessage)[0]).toMatchObject({
      reason: 'the order was rejected: too many [31m orders',
      hint: expect.stringContaining('wait'),
    })
    limited.clear()
    server.advance(29 * hour)
    await Bun.sleep(50)
    expect(server.listLogEntries(issuedMessage)).toEqual([])
    server.advance(12 * hour)
    await server.waitForLog(issuedMessage)
  })

  test.each([
    ['kid-1', 'wrongwrongwrongwrong'],
    ['nobody', 'b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH'],
  ])('an account without valid external account credentials: %s', async (kid, key) => {
    const externalAccounts = {
      'kid-1': 'b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH',
    }
    await using pebble = await startPebble({ externalAccounts })
    await using server = await startAcmeServer(pebble, {
      settings: { SNAILPASS_ACME_EAB_KID: kid, SNAILPASS_ACME_EAB_KEY: key },
    })
    await server.waitForLog(failedMessage)
    expect(server.listLogEntries(failedMessage)[0]).toMatchObject({
      hint: expect.stringContaining('SNAILPASS_ACME_EAB_KEY'),
    })
    expect(server.log.join('\n')).not.toContain(key)
    expect(pebble.countOrders()).toBe(0)
  })

  test('no account with valid external account credentials', async () => {
    const key = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
    await using pebble = await startPebble({ externalAccounts: { 'kid-1': key } })
    await using server = await startAcmeServer(pebble, {
      settings: { SNAILPASS_ACME_EAB_KID: 'kid-1', SNAILPASS_ACME_EAB_KEY: key },
    })
    await server.waitForLog(issuedMessage)
    expect(server.listLogEntries(failedMessage)).toEqual([])
  })
})

describe('a CA', () => {
  test('that can not be reached is tried again soon, and does not keep the server from stopping', async () => {
    await using pebble = await pebbles.take()
    const nobody = { ...pebble, directory: `https://localhost:${freePort()}/dir` }
    await using server = await startAcmeServer(nobody)
    await server.waitForLog(failedMessage)
    const [fault] = server.listLogEntries(failedMessage)
    expect(fault).toMatchObject({
      reason: expect.stringContaining("can't reach the certificate authority at localhost"),
      hint: expect.stringContaining('SNAILPASS_ACME_DIRECTORY'),
    })
    expect(Date.parse(String(fault?.['next'])) - server.clock()).toBeLessThan(2 * minute)
  })

  test('whose own certificate is not trusted gets no order', async () => {
    await using pebble = await pebbles.take()
    await using other = await pebbles.take()
    await using server = await startAcmeServer({ ...pebble, caFile: other.caFile })
    await server.waitForLog(failedMessage)
    expect(server.listLogEntries(failedMessage)[0]).toMatchObject({
      hint: expect.stringContaining('SNAILPASS_ACME_CA'),
    })
    expect(pebble.countOrders()).toBe(0)
  })

  test.each([
    ['that is no ACME server', '/dir', () => new Response('<html>'), 'is not an ACME directory'],
    [
      'whose response is too large',
      '/dir',
      () => new Response('x'.repeat(300_000)),
      'the response is larger than',
    ],
    [
      'that issues another certificate',
      '/certZ/',
      () => new Response('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      'not the one that was ordered',
    ],
    [
      'that knows an account and omits its URL',
      '/sign-me-up',
      () => Response.json({}, { headers: { 'replay-nonce': 'n' } }),
      'the account needs too many requests',
    ],
    [
      'that sends URLs of local files',
      '/dir',
      () => Response.json({ newNonce: 'file:///etc/hostname', newAccount: 'file:///etc/hostname' }),
      'it contains the URL file:///etc/hostname',
    ],
  ])('%s: the server logs it and saves nothing', async (_, prefix, answer, reason) => {
    await using pebble = await pebbles.take()
    using front = await startAcmeProxy(pebble, (path) =>
      path.startsWith(prefix) ? answer() : null,
    )
    await using server = await startAcmeServer(front)
    await server.waitForLog(failedMessage)
    expect(server.listLogEntries(failedMessage)[0]).toMatchObject({
      reason: expect.stringContaining(reason),
    })
    expect(server.listLogEntries(issuedMessage)).toEqual([])
    const kept = readdirSync(server.dataDir).includes('tls')
      ? readdirSync(join(server.dataDir, 'tls'))
      : []
    expect(kept.filter((file) => file.endsWith('.crt'))).toEqual([])
  })

  test('that stops responding does not keep a server from stopping', async () => {
    const { promise: requested, resolve } = Promise.withResolvers<void>()
    await using pebble = await pebbles.take()
    using front = await startAcmeProxy(pebble, (path) => {
      if (path !== '/order-plz') return null
      resolve()
      return new Promise<Response>(() => {})
    })
    const server = await startAcmeServer(front)
    await requested
    await server.stop()
    expect(server.listLogEntries(failedMessage)).toEqual([])
  })
})
