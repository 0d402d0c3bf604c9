import { describe, expect, test } from 'bun:test'
import { existsSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInstruments } from '../../../src/app/server/instruments'
import { createMetricSources, type MetricSource } from '../../../src/app/server/metric-sources'
import { createCollector } from '../../../src/app/server/metrics'
import { loadConfig } from '../../../src/config/load'
import { createBackups } from '../../../src/domain/backups'
import { DomainError } from '../../../src/domain/errors'
import { createLog } from '../../../src/log'
import { type MetricDescription, metricTable } from '../../../src/metrics/table'
import { key } from '../../support/audit'
import { captureError } from '../../support/capture-error'
import { createTestAuthority } from '../../support/certificates'
import { aNote, aRecord, basicAuth, signUpAndLogIn } from '../../support/client'
import { temporaryFolder } from '../../support/executable'
import { parseMetrics, startMeteredServer } from '../../support/metrics'
import { startTestServer } from '../../support/server'
import { aUser, openSqliteStore } from '../../support/store'
import { fakeClock, manualTiming, random } from '../../support/timing'
import { until } from '../../support/until'

const described: readonly MetricDescription[] = Object.values(metricTable)

/** Throws unless each series is one of the table, with labels of the table. Returns the routes that it names. */
function checkLabels(series: Iterable<string>): ReadonlySet<string> {
  const routes = new Set<string>()
  for (const each of series) {
    const name = each.replace(/\{.*/, '')
    const metric = described.find(
      (one) => one.name === name || (one.type === 'histogram' && isSeriesOf(name, one.name)),
    )
    if (metric === undefined) throw new Error(`${name} is not in the table`)
    for (const [, label = '', value = ''] of each.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      if (label === 'le') continue
      const allowed = metric.labels?.[label]
      if (allowed === undefined) throw new Error(`${each}: the table has no label ${label}`)
      if (typeof allowed !== 'string') expect(allowed, each).toContain(value)
      else if (label === 'route') routes.add(value)
      else if (label === 'code') expect(value).toMatch(/^[1-5]\d\d$/)
    }
  }
  return routes
}

function isSeriesOf(name: string, histogram: string): boolean {
  return ['_bucket', '_sum', '_count'].some((suffix) => name === histogram + suffix)
}

describe('the metrics of a server', () => {
  test('move when something happens', async () => {
    const clock = fakeClock()
    await using metered = await startMeteredServer({
      settings: { SNAILPASS_RATE_LIMITS: 'guesses=2/1h,sign-ups=1/1h,confirmations=1/1h' },
      runtime: { clock, monotonicClock: clock },
    })
    const { server, read } = metered
    const first = await read()
    /** Does something a minute later, and returns by how much series have grown, without durations. */
    const growth = async (work: () => Promise<unknown>) => {
      const before = await read()
      await work()
      clock.advance(60_000)
      const changes = [...(await read())].flatMap(([name, value]) => {
        const change = value - (before.get(name) ?? 0)
        return change === 0 || /^process_|_seconds|_bytes/.test(name) ? [] : [[name, change]]
      })
      return Object.fromEntries(changes)
    }
    const ask = (path: string, init: RequestInit = {}) => fetch(new URL(path, server.url), init)
    const login = (hash: string) =>
      ask('/login', { headers: { authorization: basicAuth('owner@nas.local', hash) } })
    const requests = (route: string, method: string, code: number) =>
      `snailpass_http_requests_total{route="${route}",method="${method}",code="${code}"}`

    let client: Awaited<ReturnType<typeof signUpAndLogIn>> | null = null
    expect(
      await growth(async () => {
        client = await signUpAndLogIn(server.url, 'owner')
      }),
    ).toEqual({
      [requests('/users', 'POST', 201)]: 1,
      [requests('/login', 'GET', 200)]: 1,
      'snailpass_logins_total{result="success"}': 1,
      'snailpass_users{state="confirmed"}': 1,
    })
    expect(
      await growth(async () => {
        await client?.send('POST', '/records', aRecord())
        await client?.send('POST', '/notes', aNote())
      }),
    ).toEqual({
      [requests('/records', 'POST', 201)]: 1,
      [requests('/notes', 'POST', 201)]: 1,
      'snailpass_entries{kind="record"}': 1,
      'snailpass_entries{kind="note"}': 1,
    })
    expect(await growth(() => login('wrong'))).toEqual({
      [requests('/login', 'GET', 401)]: 1,
      'snailpass_logins_total{result="wrong_credentials"}': 1,
    })
    expect(
      await growth(() =>
        ask('/users', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ id: 'x', email: 'x@nas.local', master_password_hash: 'x' }),
        }),
      ),
    ).toEqual({
      [requests('/users', 'POST', 429)]: 1,
      'snailpass_rate_limited_total{limit="sign-ups"}': 1,
    })
    expect(
      await growth(async () => {
        await ask('/confirm/one')
        await ask('/confirm/other')
      }),
    ).toMatchObject({ 'snailpass_rate_limited_total{limit="confirmations"}': 1 })
    const last = await read()
    for (const name of [
      'snailpass_password_hash_duration_seconds_count',
      'snailpass_database_operation_duration_seconds_count{scope="read"}',
      'snailpass_database_operation_duration_seconds_count{scope="write"}',
    ])
      expect(last.get(name), name).toBeGreaterThan(first.get(name) ?? 0)
    expect(last.get('snailpass_http_request_duration_seconds_count{route="/login"}')).toBe(2)
    checkLabels(last.keys())
  })

  test('name the limit that refused a sign-in', async () => {
    await using metered = await startMeteredServer({
      settings: {
        SNAILPASS_RATE_LIMITS: 'guesses=2/1h,account-guesses=9/1h,guessed-accounts=2/1h',
        SNAILPASS_TRUSTED_PROXIES: '127.0.0.1',
      },
    })
    const login = async (email: string, hash: string, address: string) => {
      const headers = { authorization: basicAuth(email, hash), 'x-forwarded-for': address }
      const { status } = await fetch(new URL('/login', metered.server.url), { headers })
      return status
    }
    /** Returns the limits that refused something, with how often. */
    const limited = async () =>
      Object.fromEntries(
        [...(await metered.read())].flatMap(([name, value]) => {
          const limit = /^snailpass_rate_limited_total\{limit="(.*)"\}$/.exec(name)?.[1]
          return limit === undefined || value === 0 ? [] : [[limit, value]]
        }),
      )
    for (const hash of ['1', '2', '3']) await login('a@nas.local', hash, '10.0.0.1')
    expect(await limited()).toEqual({ guesses: 1 })
    for (const email of ['b', 'c', 'd']) await login(`${email}@nas.local`, 'x', '10.0.1.1')
    expect(await limited()).toEqual({ guesses: 1, 'guessed-accounts': 1 })
    for (const network of [2, 3, 4, 5, 6])
      for (const hash of ['x', 'y'])
        await login('e@nas.local', `${network}${hash}`, `10.${network}.0.1`)
    expect(await limited()).toEqual({ guesses: 1, 'guessed-accounts': 1, 'account-guesses': 1 })
    expect((await metered.read()).get('snailpass_logins_total{result="rate_limited"}')).toBe(3)
  })

  test('have labels of closed sets, whatever clients send', async () => {
    await using metered = await startMeteredServer()
    const { server } = metered
    const send = (method: string, path: string) =>
      new Promise<void>((resolve) => {
        const socket = connect(Number(server.url.port), '127.0.0.1', () =>
          socket.end(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
        )
        socket.on('data', () => {})
        socket.on('close', () => resolve())
        socket.on('error', () => resolve())
      })
    const paths = ['/', '/login', '/confirm/secret-token', '/vault/x', '/metrics', '/records/one']
    const methods = ['GET', 'PATCH', 'OPTIONS', 'PROPFIND', 'BREW', 'get']
    for (const path of [...paths, '/secret-path', '/%22%7D%0A', '//x', '/__proto__', '/?a=secret'])
      for (const method of methods) await send(method, path)
    for (let index = 0; index < 50; index++) {
      await fetch(new URL(`/secret-${index}`, server.url))
      await fetch(new URL(`/confirm/secret${index}`, server.url))
    }
    const text = await metered.readText()
    const routes = checkLabels(parseMetrics(text).keys())
    expect(routes).toContain('/confirm/:token')
    expect(routes).toContain('none')
    // The routes of the API, and nothing that a client has written.
    expect(routes.size).toBeLessThan(10)
    expect(text).not.toMatch(/secret|proto|BREW|127\.0\.0\.1|@/)
  })

  test('tell what is stored: emails, the last backup, its size and failures', async () => {
    await using store = await openSqliteStore()
    await store.claimKeyFingerprint(key)
    const clock = fakeClock()
    const instruments = createInstruments(clock)
    const backups = instruments.countFailures(createBackups({ store, clock }))
    const authority = await createTestAuthority()
    const { certificate } = await authority.issue({ names: ['localhost'] })
    const environment = { SNAILPASS_MIN_FREE_SPACE: '5 KB' }
    const { settings } = loadConfig({ environment, flags: { dataDir: '/tmp' }, file: null })
    const runtime = { ...manualTiming(), clock, monotonicClock: clock, random }
    const sources = createMetricSources({
      ...{ settings, runtime, store: instruments.observeStore(store), databaseFile: store.path },
      ...{ retryCount: () => 7, countRunning: () => 3, isAuditIntact: () => false },
      certificates: { current: () => ({ cert: certificate, key: '' }) },
    })
    const log = createLog('json', clock, () => {})
    const collect = createCollector([...sources, { name: 'the counters', ...instruments }], log)
    const read = async () => parseMetrics(await collect())
    const backupTime = 'snailpass_backup_last_success_timestamp_seconds'
    const first = await read()
    expect(first.get(backupTime)).toBe(0)
    expect(first.has('snailpass_backup_last_size_bytes')).toBeFalse()

    await store.write(async (tx) => {
      for (const userId of ['a', 'b']) {
        await tx.users.insert(aUser({ id: userId, emailConfirmed: false }))
        await tx.outbox.put({
          ...{ kind: 'confirmation', id: userId, userId, baseUrl: 'http://pi/', creationTime: 1 },
        })
      }
    })
    await backups.recordFailure('the disk is away')
    await backups.recordVerified({ time: 5_500, path: '/a', host: 'pi', bytes: 1234 })
    clock.advance(60_000)
    const last = await read()
    const values = Object.fromEntries(
      [...last].filter(([name]) => /backup|outbox|disk_min|audit|retries|flight/.test(name)),
    )
    expect(values).toEqual({
      snailpass_http_requests_in_flight: 3,
      snailpass_database_retries_total: 7,
      snailpass_disk_min_free_bytes: 5_000,
      'snailpass_outbox_emails{state="queued"}': 2,
      'snailpass_outbox_emails{state="sending"}': 0,
      'snailpass_outbox_emails{state="dead"}': 0,
      [backupTime]: 5.5,
      snailpass_backup_last_size_bytes: 1234,
      snailpass_backup_failures_total: 1,
      snailpass_audit_intact: 0,
    })
    expect(last.get('snailpass_database_size_bytes')).toBeGreaterThan(4_096)
    const expiry = last.get('snailpass_certificate_expiry_timestamp_seconds{source="local"}')
    expect(expiry).toBeGreaterThan(Date.now() / 1000)
    // Every metric of the table, at least on Linux.
    const names = new Set(
      [...last.keys()].map((name) =>
        name.replace(/\{.*/, '').replace(/_(?:bucket|count|sum)$/, ''),
      ),
    )
    for (const { name, labels } of described)
      if (labels === undefined || !('route' in labels)) expect(names, name).toContain(name)
  })
})

describe('metrics', () => {
  test('of the process are in seconds and bytes', async () => {
    await using metered = await startMeteredServer()
    const used = () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    }
    const before = used()
    const series = await metered.read()
    const cpu = series.get('process_cpu_seconds_total')
    expect(cpu).toBeGreaterThanOrEqual(before)
    expect(cpu).toBeLessThanOrEqual(used())
    const start = Date.now() / 1000 - process.uptime()
    expect(series.get('process_start_time_seconds')).toBeCloseTo(start, 0)
    const memory = (series.get('process_resident_memory_bytes') ?? 0) / process.memoryUsage.rss()
    expect(memory).toBeGreaterThan(0.1)
    expect(memory).toBeLessThan(10)
  })

  test('are off by default, and not among what clients reach', async () => {
    await using metered = await startMeteredServer()
    await using plain = await startTestServer()
    for (const { url } of [metered.server, plain])
      expect((await fetch(new URL('/metrics', url))).status).toBe(404)
    expect(metered.server.urls).toHaveLength(1)
    expect(plain.log.join('\n')).not.toContain('metrics')
  })

  test('are at one path of their listener, for GET and HEAD', async () => {
    await using server = await startTestServer({
      settings: { SNAILPASS_LISTEN_METRICS: '127.0.0.1:0' },
    })
    const line = server.log.find((each) => each.includes('metrics at'))
    const url = new URL(/http:\S+\/metrics/.exec(line ?? '')?.[0] ?? '')
    const answer = await fetch(url)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const head = await fetch(url, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect((await fetch(`${url}?x=1`)).status).toBe(200)
    expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(405)
    for (const path of ['/', '/metrics/', '/readyz', '/login', '/vault/'])
      expect((await fetch(new URL(path, url))).status, path).toBe(404)
    await server.stop()
    expect(await captureError(fetch(url))).toBeInstanceOf(Error)
  })

  test.skipIf(process.platform === 'win32')(
    'on a Unix socket are for its owner and group, and gone at the stop',
    async () => {
      await using metered = await startMeteredServer()
      expect(statSync(metered.socket).mode & 0o777).toBe(0o660)
      await metered.server.stop()
      expect(existsSync(metered.socket)).toBeFalse()
    },
  )

  test('have to have their address: the start fails, and leaves nothing', async () => {
    using taken = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    using folder = temporaryFolder()
    const socket = join(folder.path, 'first.sock')
    const settings = { SNAILPASS_LISTEN_METRICS: `unix:${socket},127.0.0.1:${taken.port}` }
    expect(await captureError(startTestServer({ settings }))).toMatchObject({
      code: 'unavailable',
      message: `can't listen on 127.0.0.1:${taken.port}: port ${taken.port} is already in use`,
      hint: expect.stringContaining('with SNAILPASS_LISTEN_METRICS'),
    })
    expect(existsSync(socket)).toBeFalse()
  })

  test('of a source that fails are left out, and the log says why once', async () => {
    const state = { error: null as Error | null }
    const failing: MetricSource = {
      name: 'the disk',
      collect() {
        if (state.error !== null) throw state.error
        return { diskFree: [{ value: 1 }] }
      },
    }
    const working: MetricSource = {
      name: 'the server',
      collect: () => ({ auditIntact: [{ value: 1 }] }),
    }
    const lines: unknown[] = []
    const log = createLog('json', fakeClock(), (line) => lines.push(JSON.parse(line)))
    const collect = createCollector([failing, working], log)
    const names = async () => [...parseMetrics(await collect()).keys()]
    expect(await names()).toEqual(['snailpass_disk_free_bytes', 'snailpass_audit_intact'])
    state.error = new DomainError('unavailable', 'the disk is away')
    for (let scrape = 0; scrape < 3; scrape++)
      expect(await names()).toEqual(['snailpass_audit_intact'])
    const message = 'the metrics of the disk are left out'
    expect(lines).toMatchObject([{ level: 'warn', message, reason: 'the disk is away' }])
    state.error = null
    await names()
    state.error = new Error('a bug')
    await names()
    expect(lines.slice(1)).toMatchObject([
      { level: 'error', message, fault: expect.stringContaining('a bug') },
    ])
  })
})

test('hashes count as queued until they are begun, also those that never are', async () => {
  const clock = fakeClock()
  const { observeDerive, collect } = createInstruments(clock)
  const begun = Promise.withResolvers<void>()
  const derive = observeDerive(async (_, options) => {
    await begun.promise
    options?.beforeStart?.()
    clock.advance(100)
    return new Uint8Array()
  })
  const input = { password: 'x', salt: 'x', iterations: 1, length: 1 }
  const queued = () => collect().loginQueue?.[0]?.value
  const work = derive(input)
  const refused = captureError(
    derive(input, {
      beforeStart() {
        throw new DomainError('rate_limited', 'too many')
      },
    }),
  )
  expect(queued()).toBe(2)
  begun.resolve()
  await work
  expect(await refused).toBeInstanceOf(DomainError)
  await until(() => queued() === 0, 'the queue to be empty')
  const [count] = collect().hashDuration?.filter(({ suffix }) => suffix === '_count') ?? []
  expect(count?.value).toBe(1)
})
