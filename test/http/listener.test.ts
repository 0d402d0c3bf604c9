import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { CertificateSource } from '../../src/domain/certificates'
import { DomainError } from '../../src/domain/errors'
import type { Session } from '../../src/domain/sessions'
import type { ApiDeps } from '../../src/http/api'
import { createClientResolver } from '../../src/http/client'
import { type ListenerAddress, listen } from '../../src/http/listener'
import { createLog, type LogLevel, limitLog } from '../../src/log'
import { createTestApi } from '../support/api'
import { captureError } from '../support/capture-error'
import { createTestAuthority } from '../support/certificates'
import { temporaryFolder } from '../support/executable'
import { aUser, signedIn } from '../support/store'
import { until } from '../support/until'

const user = signedIn(aUser({ id: 'u' }))

/** A listener over an API of a test's own, with its lines of the log. */
function startTestListener(
  rules: Partial<ApiDeps> = {},
  address: ListenerAddress = { hostname: '127.0.0.1', port: 0 },
  certificates: CertificateSource | null = null,
  level: LogLevel = 'debug',
) {
  const lines: Record<string, unknown>[] = []
  /** What the clock shows next. */
  const times: number[] = []
  const fullLog = createLog(
    'json',
    () => 0,
    (line) => lines.push(JSON.parse(line)),
  )
  const log = limitLog(fullLog, () => level)
  const { api } = createTestApi({ ...rules, log })
  const listener = listen(api, address, {
    ...{ certificates, monotonicClock: () => times.shift() ?? 0, log },
    resolveClient: createClientResolver((peer) => peer === '127.0.0.1'),
    wait: (_, signal) =>
      new Promise((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason)),
      ),
  })
  return {
    listener,
    lines,
    times,
    [Symbol.asyncDispose]: () => listener.stop({ now: true }),
  }
}

const line = {
  ...{ time: '1970-01-01T00:00:00.000Z', level: 'info', message: 'request' },
  ms: expect.any(Number),
}

describe('the log', () => {
  test('has, for debugging, a line for each request, with its route, answer, user and client, and no path', async () => {
    await using setup = startTestListener({
      sessions: {
        authenticate: () => Promise.resolve(user),
        open: () => Promise.reject(new Error()),
      },
      notes: {
        list: () => Promise.reject(new TypeError('a bug')),
        add: () => Promise.reject(new Error()),
        change: () => Promise.reject(new Error()),
        delete: () => Promise.resolve('trashed'),
      },
    })
    const { listener, lines } = setup
    const headers = { 'x-access-token': 'any', 'x-forwarded-for': '203.0.113.9' }
    const ask = (path: string, init: RequestInit = {}) =>
      // Fetch would repeat a request that was cut on a connection that it has used before.
      fetch(new URL(path, listener.url), { ...init, keepalive: false })
    await ask('/notes?id=secret', { method: 'DELETE', headers })
    await ask('/secret')
    await ask('/confirm/secret', { method: 'PUT' })
    await ask('/notes', { headers }).catch(() => {})
    const address = '127.0.0.1'
    expect(lines).toEqual([
      {
        ...line,
        level: 'debug',
        method: 'DELETE',
        route: '/notes',
        status: 200,
        user: 'u',
        address: '203.0.113.9',
      },
      { ...line, method: 'GET', route: '-', status: 404, user: '-', address },
      { ...line, method: 'PUT', route: '/confirm/:token', status: 405, user: '-', address },
      expect.objectContaining({ level: 'error', message: 'unexpected error', route: '/notes' }),
      {
        ...{ ...line, level: 'warn', method: 'GET', route: '/notes', status: 'cut', user: 'u' },
        address: '203.0.113.9',
      },
    ])
    expect(JSON.stringify(lines)).not.toContain('secret')
  })

  const answers = ['/', '/healthz', '/notes', '/nothing', '/readyz']
  const [success, failure] = ['debug GET / 200', 'warn GET /readyz 500']
  const refusals = ['info GET /notes 400', 'info GET - 404']
  test.each([
    ['debug', [success, ...refusals, failure], ['warn GET / 200', 'warn GET /healthz 200']],
    ['info', [...refusals, failure], ['warn GET / 200', 'warn GET /healthz 200']],
    ['warn', [failure], ['warn GET / 200', 'warn GET /healthz 200']],
    ['error', [], []],
  ] as const)(
    'at the level %s has these lines of quick answers, and these of slow ones',
    async (level, quick, slow) => {
      await using setup = startTestListener(
        { readiness: { check: () => Promise.reject(new TypeError('a bug')) } },
        undefined,
        null,
        level,
      )
      const { listener, lines, times } = setup
      const requests = () =>
        lines
          .splice(0)
          .filter(({ message }) => message === 'request')
          .map(({ level, method, route, status }) => [level, method, route, status].join(' '))
      for (const path of answers) {
        times.push(0, 999.9)
        await fetch(new URL(path, listener.url))
      }
      expect(requests()).toEqual([...quick])
      for (const path of ['/', '/healthz']) {
        times.push(0, 1_000)
        await fetch(new URL(path, listener.url))
      }
      expect(requests()).toEqual([...slow])
    },
  )

  test('has the time that a request took, in milliseconds to a tenth', async () => {
    await using setup = startTestListener()
    setup.times.push(1_000, 1_012.347)
    await fetch(new URL('/nothing', setup.listener.url))
    expect(setup.lines.map(({ ms }) => ms)).toEqual([12.3])
  })
})

describe('a listener', () => {
  test('is idle while no request is running, also after one that failed', async () => {
    const running = Promise.withResolvers<never>()
    const started = Promise.withResolvers<void>()
    await using setup = startTestListener({
      readiness: {
        check() {
          started.resolve()
          return running.promise
        },
      },
    })
    const { listener } = setup
    expect(listener.countRunning()).toBe(0)
    const answer = fetch(new URL('/readyz', listener.url))
    await started.promise
    expect(listener.countRunning()).toBe(1)
    running.reject(new TypeError('a bug'))
    expect((await answer).status).toBe(500)
    expect(listener.countRunning()).toBe(0)
  })

  test('lets a request take 7.5 s from its last byte, and knows whether its client is gone', async () => {
    const seen: Session[] = []
    const see = async (session: Session) => void seen.push(session)
    await using setup = startTestListener({
      monotonicClock: () => 50_000,
      sessions: {
        authenticate: () => Promise.resolve(user),
        open: () => Promise.reject(new Error()),
      },
      notes: {
        list: (session) => see(session).then(() => []),
        ...{ add: see, change: see },
        delete: (session) => see(session).then(() => 'trashed'),
      },
    })
    const { listener, times } = setup
    const headers = { 'x-access-token': 't', 'content-type': 'application/json' }
    const note = { id: 'n', name: 'n:n', content: 'c:c', is_favorite: false, is_deleted: false }
    for (const [method, body] of [
      ['GET', undefined],
      ['POST', note],
      ['PUT', note],
      ['DELETE', undefined],
    ] as const) {
      times.push(1_000)
      await fetch(new URL('/notes?id=n', listener.url), {
        ...{ method, headers, keepalive: false },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
    }
    expect(seen.map(({ request }) => request.deadline)).toEqual([8_500, 57_500, 57_500, 8_500])
    expect(seen.map(({ request }) => request.isAbandoned)).toEqual([false, false, false, false])
  })

  test('is in the log with its address, though its client is gone before the answer', async () => {
    const list = Promise.withResolvers<never>()
    await using setup = startTestListener({
      sessions: { authenticate: () => user, open: () => Promise.reject(new Error()) },
      notes: {
        list: () => list.promise,
        ...{ add: () => list.promise, change: () => list.promise, delete: () => list.promise },
      },
    })
    const { listener, lines } = setup
    const leaving = new AbortController()
    const headers = { 'x-access-token': 't' }
    const answer = fetch(new URL('/notes', listener.url), { headers, signal: leaving.signal })
    await until(() => listener.countRunning() > 0, 'the request has arrived')
    leaving.abort()
    expect(await captureError(answer)).toMatchObject({ name: 'AbortError' })
    // Another request, so that the listener has noticed.
    await fetch(new URL('/healthz', listener.url))
    list.reject(new DomainError('not_found', 'no notes'))
    await until(() => listener.countRunning() === 0, 'the request is answered')
    expect(lines).toMatchObject([{ route: '/notes', status: 404, address: '127.0.0.1' }])
  })

  test('on a Unix socket knows no address but the one that a proxy forwards', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'http.sock')
    await using setup = startTestListener({}, { path })
    const { listener, lines } = setup
    expect(listener.url.href).toBe(`unix:${path}`)
    await fetch('http://pi/nothing', { unix: path })
    await fetch('http://pi/nothing', { unix: path, headers: { 'x-forwarded-for': '203.0.113.9' } })
    expect(lines.map(({ address }) => address)).toEqual(['-', '203.0.113.9'])
    await listener.stop()
    expect(await fetch('http://pi/nothing', { unix: path }).catch(() => 'closed')).toBe('closed')
  })

  test('with a certificate answers by HTTPS, and tells browsers to insist on it if that is publicly trusted', async () => {
    const authority = await createTestAuthority()
    const { certificate, key } = await authority.issue({ names: ['localhost', '127.0.0.1'] })
    for (const isPublic of [true, false]) {
      await using setup = startTestListener(
        { readiness: { check: () => Promise.resolve({ problem: null, warnings: [] }) } },
        { hostname: '127.0.0.1', port: 0 },
        {
          current: () => ({ cert: certificate, key }),
          isPubliclyTrusted: () => isPublic,
          subscribe: () => () => {},
        },
      )
      const { listener, lines } = setup
      expect(listener.url.protocol).toBe('https:')
      const tls = { ca: authority.certificate }
      for (const path of ['/', '/readyz', '/nothing']) {
        const answer = await fetch(new URL(path, listener.url), { tls })
        expect(answer.headers.get('strict-transport-security')).toBe(
          isPublic ? 'max-age=15552000' : null,
        )
        if (path === '/') expect(await answer.text()).toContain(`>${listener.url.href}</code>`)
      }
      expect(lines.map(({ route, status }) => [route, status])).toEqual([
        ['/', 200],
        ['-', 404],
      ])
      expect(listener.countRunning()).toBe(0)
    }
  })
})
