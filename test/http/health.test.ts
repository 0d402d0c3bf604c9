import { describe, expect, test } from 'bun:test'
import type { Readiness } from '../../src/domain/readiness'
import { createClientResolver } from '../../src/http/client'
import { listen } from '../../src/http/listener'
import { createLog } from '../../src/log'
import { createTestApi, headersOf } from '../support/api'

type Report = Awaited<ReturnType<Readiness['check']>>

const ready: Report = { problem: null, warnings: [] }
const short: Report = {
  problem: null,
  warnings: [
    { kind: 'low_space', detail: 'the disk is nearly full' },
    { kind: 'stale_backup', detail: 'no backup since Monday' },
  ],
}
const away: Report = { problem: 'the database at /var/lib/x is away', warnings: [] }

const readinessOf = (report: Report) => ({ readiness: { check: () => Promise.resolve(report) } })

async function answerTo(report: Report, peer: string | null, headers: Record<string, string> = {}) {
  const { ask, lines } = createTestApi(readinessOf(report))
  const answer = await ask('/readyz', { headers }, { peer })
  return { status: answer.status, body: await answer.json(), headers: headersOf(answer), lines }
}

const json = { 'content-type': 'application/json' }

describe('/readyz', () => {
  test('answers that the server is ready, with its warnings if it has any', async () => {
    for (const [report, warnings] of [
      [ready, {}],
      [{ ...short, warnings: short.warnings.slice(1) }, { warnings: short.warnings.slice(1) }],
      [short, { warnings: short.warnings }],
    ] as const) {
      const { status, body } = await answerTo(report, '127.0.0.1')
      expect({ status, body }).toEqual({ status: 200, body: { status: 'ready', ...warnings } })
    }
  })

  test('answers 503 with the time to wait while the server is not ready, and warns of nothing in the log', async () => {
    const { lines, ...answer } = await answerTo(away, '127.0.0.1')
    expect(answer).toEqual({
      status: 503,
      body: { message: { error: 'Service Unavailable. the database at /var/lib/x is away' } },
      headers: { ...json, 'content-type': expect.stringContaining('json'), 'retry-after': '2' },
    })
    expect(lines).toEqual([])
  })

  test.each([
    ['127.0.0.1', {}, true],
    ['127.8.8.8', {}, true],
    ['::1', {}, true],
    ['::ffff:127.0.0.1', {}, true],
    ['192.168.1.5', {}, false],
    ['::ffff:10.0.0.1', {}, false],
    ['1127.0.0.1', {}, false],
    ['::1:1', {}, false],
    ['::11', {}, false],
    // The other end of a Unix socket is a proxy, whose clients are elsewhere.
    [null, {}, false],
    ['127.0.0.1', { 'x-forwarded-for': '127.0.0.1' }, false],
    ['127.0.0.1', { forwarded: 'for=127.0.0.1' }, false],
    ['127.0.0.1', { 'x-real-ip': '203.0.113.9' }, false],
    ['::1', { 'x-forwarded-proto': 'https' }, false],
    ['127.0.0.1', { 'x-forwarded-host': 'vault.example.org' }, false],
  ])('tells a client at %s with the headers %p details: %p', async (peer, headers, isTrusted) => {
    expect((await answerTo(away, peer, headers)).body).toEqual({
      message: {
        error: `Service Unavailable. ${isTrusted ? away.problem : 'The database is not ready'}`,
      },
    })
    expect((await answerTo(short, peer, headers)).body).toEqual({
      status: 'ready',
      warnings: isTrusted ? short.warnings : [{ kind: 'low_space' }, { kind: 'stale_backup' }],
    })
  })

  test('answers a bug like every other route', async () => {
    const error = new TypeError('undefined is not a function')
    const { ask, lines } = createTestApi({ readiness: { check: () => Promise.reject(error) } })
    const answer = await ask('/readyz', {}, { peer: '127.0.0.1' })
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain('undefined')
    expect(lines).toMatchObject([{ level: 'error', method: 'GET', route: '/readyz' }])
  })
})

test('/healthz answers without asking the database', async () => {
  const { ask } = createTestApi({ readiness: { check: () => Promise.reject(new Error('asked')) } })
  const answer = await ask('/healthz')
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'alive' }])
})

test('the log has one line for each failed poll, and none for those that succeed before and after', async () => {
  let report = ready
  const lines: Record<string, unknown>[] = []
  const log = createLog(
    'json',
    () => 0,
    (line) => lines.push(JSON.parse(line)),
  )
  const { api } = createTestApi({ readiness: { check: () => Promise.resolve(report) }, log })
  const listener = listen(
    api,
    { hostname: '127.0.0.1', port: 0 },
    {
      ...{ certificates: null, monotonicClock: () => 0, log },
      resolveClient: createClientResolver(() => false),
      wait: () => Promise.resolve(),
    },
  )
  const poll = async (path: string) => (await fetch(new URL(path, listener.url))).status
  const statuses = [await poll('/readyz'), await poll('/healthz')]
  report = away
  statuses.push(await poll('/readyz'), await poll('/healthz'))
  report = short
  statuses.push(await poll('/readyz'))
  expect(statuses).toEqual([200, 200, 503, 200, 200])
  expect(lines).toEqual([
    {
      ...{ time: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'request', method: 'GET' },
      ...{ route: '/readyz', status: 503, ms: expect.any(Number), user: '-', address: '127.0.0.1' },
    },
  ])
  await listener.stop({ now: true })
})
