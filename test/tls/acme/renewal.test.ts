import { describe, expect, setDefaultTimeout, spyOn, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { DomainError } from '../../../src/domain/errors'
import { acmePaths, findSavedCertificate } from '../../../src/tls/acme/files'
import { startAcmeSource } from '../../../src/tls/acme/source'
import { parseCertificateInfo } from '../../../src/tls/certificate-info'
import * as roots from '../../../src/tls/roots'
import { failedMessage, issuedMessage, unsavedMessage } from '../../support/acme'
import { temporaryFolder } from '../../support/executable'
import { createFakeCa, createIssuer, order, problem } from '../../support/fake-ca'
import { steppedTiming } from '../../support/stepped-timing'
import { createTestLog } from '../../support/tls'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

const name = 'vault.example.org'
const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const start = Date.UTC(2026, 10, 23, 16, 31, 4)

const issuer = await createIssuer()

interface Options {
  readonly names?: readonly string[]
  readonly folder?: string
  readonly fraction?: number
  readonly put?: () => Promise<void>
}

/** Starts a source of certificates of a CA, which are valid for 90 days. The test ends each of its waits. */
async function startTestSource(options: Options = {}) {
  const temporary = temporaryFolder()
  const folder = options.folder ?? temporary.path
  const names = options.names ?? [name]
  const ca = createFakeCa(names)
  const fetching = ca.interceptFetch()
  const timing = steppedTiming(start)
  const { log, lines, listEntries } = createTestLog()
  ca.answers['POST /certificate'] = [
    async () => {
      const { payload } = ca.requests.findLast(({ line }) => line === 'POST /finalize') ?? {}
      const notBefore = timing.clock()
      return { text: await issuer.issue(payload, { notBefore, notAfter: notBefore + 90 * day }) }
    },
  ]
  const source = await startAcmeSource({
    config: { directory: ca.directory, names, email: null, externalAccount: null, ca: null },
    folder,
    challenges: { put: options.put ?? (async () => {}), remove: async () => {} },
    version: '1.2.3',
    clock: timing.clock,
    random: (count) => new Uint8Array(count).fill((options.fraction ?? 0) * 256),
    wait: timing.wait,
    log,
  })
  const seen: string[] = []
  source.subscribe(({ cert }) => seen.push(cert))
  return {
    source,
    ca,
    folder,
    timing,
    seen,
    listEntries,
    /** The entries of the log so far, without their times. */
    entries: () =>
      lines.map((line) => {
        const { time: _, ...entry } = JSON.parse(line)
        return entry
      }),
    orders: () => ca.lines().filter((line) => line === 'POST /order').length,
    /** Has every order start with states of its own again. */
    renewAnswers() {
      ca.answers['POST /order/1'] = [
        { document: order(names, 'ready') },
        { document: order(names, 'valid') },
      ]
    },
    async [Symbol.asyncDispose]() {
      await source.stop()
      fetching.mockRestore()
      temporary[Symbol.dispose]()
    },
  }
}

const refusal = { status: 403, document: problem('rateLimited', 'too many') }
const rateHint =
  'wait: the certificate authority issues no more for a while; for experiments, set SNAILPASS_ACME_STAGING'
const time = (at: number) => new Date(at).toISOString()

/** Leaves a certificate in a folder that was issued at `start` for these names. */
async function saveCertificateFor(names: readonly string[]) {
  const folder = temporaryFolder()
  await using setup = await startTestSource({ names, folder: folder.path })
  expect(await setup.timing.nextWait()).toBe(2 * second)
  setup.timing.endWait()
  expect(await setup.timing.nextWait()).toBe(hour)
  return { path: folder.path, [Symbol.dispose]: folder[Symbol.dispose] }
}

test('the first certificate is ordered two seconds after the start, and served and saved then', async () => {
  await using setup = await startTestSource()
  const { source, timing, ca, seen } = setup
  const placeholder = source.current()
  expect(parseCertificateInfo(placeholder.cert)).toMatchObject({
    subject: 'CN=SnailPass has no certificate yet',
    names: [name],
    notBefore: start - day,
    notAfter: start + 90 * day,
  })
  expect(await timing.nextWait()).toBe(2 * second)
  expect(ca.requests).toEqual([])
  expect(setup.entries()).toEqual([
    {
      level: 'warn',
      message:
        'HTTPS uses a placeholder until the first certificate is issued: browsers and clients reject it',
      names: name,
    },
  ])

  timing.endWait()
  expect(await timing.nextWait()).toBe(hour)
  expect(setup.orders()).toBe(1)
  const pair = source.current()
  expect(seen).toEqual([pair.cert])
  expect(findSavedCertificate(setup.folder, ca.directory)).toEqual({
    cert: pair.cert,
    key: pair.key,
  })
  expect(setup.entries().slice(1)).toEqual([
    {
      level: 'info',
      message: issuedMessage,
      names: name,
      until: time(start + 2 * second + 90 * day),
      sha256: new X509Certificate(pair.cert).fingerprint256,
      authority: 'ca.test',
    },
  ])
  expect(source.isPubliclyTrusted()).toBeFalse()
})

test('a certificate is renewed exactly when a third of its lifetime is left, which is looked for once an hour', async () => {
  await using setup = await startTestSource()
  const { timing } = setup
  timing.endWait(await timing.nextWait())
  const issued = timing.clock()
  timing.endWait(await timing.nextWait())
  expect(await timing.nextWait()).toBe(hour)
  // The clock reaches half an hour before the renewal, and then a millisecond before it.
  timing.setClock(issued + 60 * day - hour / 2)
  timing.endWait(0)
  expect(await timing.nextWait()).toBe(hour / 2)
  timing.endWait(hour / 2 - 1)
  expect(await timing.nextWait()).toBe(1)
  expect(setup.orders()).toBe(1)
  setup.renewAnswers()
  timing.endWait(1)
  expect(await timing.nextWait()).toBe(hour)
  expect(setup.orders()).toBe(2)
  expect(setup.seen).toHaveLength(2)
  timing.endWait()
  expect(await timing.nextWait()).toBe(hour)
  expect(setup.orders()).toBe(2)
})

test('a clock that is set back renews nothing, and one that is set right again renews in time', async () => {
  await using setup = await startTestSource()
  const { timing } = setup
  timing.endWait(await timing.nextWait())
  timing.endWait(await timing.nextWait())
  await timing.nextWait()
  timing.setClock(Date.UTC(1970, 0, 2))
  timing.endWait(0)
  expect(await timing.nextWait()).toBe(hour)
  expect(setup.orders()).toBe(1)
  setup.renewAnswers()
  timing.setClock(start + 61 * day)
  timing.endWait(0)
  expect(await timing.nextWait()).toBe(hour)
  expect(setup.orders()).toBe(2)
})

describe('a saved certificate', () => {
  test('is served after a restart, and nothing is ordered', async () => {
    using saved = await saveCertificateFor([name])
    await using setup = await startTestSource({ folder: saved.path })
    const { source, timing, ca } = setup
    const pair = findSavedCertificate(saved.path, ca.directory)
    expect(source.current()).toMatchObject({ ...pair })
    expect(setup.entries()).toEqual([
      {
        level: 'info',
        message: 'using the saved certificate',
        names: name,
        until: time(start + 2 * second + 90 * day),
        sha256: new X509Certificate(pair?.cert ?? '').fingerprint256,
        authority: 'ca.test',
      },
    ])
    timing.endWait(await timing.nextWait())
    expect(await timing.nextWait()).toBe(hour)
    expect(ca.requests).toEqual([])
  })

  test('that is over is served, and replaced two seconds later', async () => {
    using saved = await saveCertificateFor([name])
    await using setup = await startTestSource({ folder: saved.path })
    const { source, timing, ca } = setup
    const { cert } = source.current()
    timing.setClock(start + 91 * day)
    expect(await timing.nextWait()).toBe(2 * second)
    ca.answers['POST /order'] = [refusal]
    timing.endWait()
    await timing.nextWait()
    expect(setup.listEntries('error')).toMatchObject([{ served: 'the expired certificate' }])
    expect(source.current().cert).toBe(cert)
  })

  test('for some of the names is served until one for all of them is issued', async () => {
    using saved = await saveCertificateFor([name])
    const added = 'added.example.org'
    await using setup = await startTestSource({ folder: saved.path, names: [name, added] })
    expect(parseCertificateInfo(setup.source.current().cert).names).toEqual([name])
    expect(setup.entries()).toEqual([
      expect.objectContaining({ message: 'using the saved certificate' }),
      {
        level: 'warn',
        message: 'the certificate lacks names until the next one is issued',
        names: added,
      },
    ])
    setup.timing.endWait(await setup.timing.nextWait())
    expect(await setup.timing.nextWait()).toBe(hour)
    expect(parseCertificateInfo(setup.source.current().cert).names).toEqual([name, added])
  })

  test('for more names than are needed is served', async () => {
    using saved = await saveCertificateFor([name, 'more.example.org'])
    await using setup = await startTestSource({ folder: saved.path })
    setup.timing.endWait(await setup.timing.nextWait())
    expect(await setup.timing.nextWait()).toBe(hour)
    expect(setup.orders()).toBe(0)
  })

  test('for none of the names is not used', async () => {
    using saved = await saveCertificateFor(['other.example.org'])
    await using setup = await startTestSource({ folder: saved.path })
    expect(parseCertificateInfo(setup.source.current().cert).subject).toBe(
      'CN=SnailPass has no certificate yet',
    )
    setup.timing.endWait(await setup.timing.nextWait())
    expect(await setup.timing.nextWait()).toBe(hour)
    expect(setup.orders()).toBe(1)
  })
})

describe('an order that fails', () => {
  test('is logged with the time of the next attempt, whose delay doubles until one succeeds', async () => {
    await using setup = await startTestSource()
    const { timing, ca } = setup
    const accepted = ca.answers['POST /order'] ?? []
    ca.answers['POST /order'] = [refusal]
    timing.endWait(await timing.nextWait())
    for (const minutes of [15, 30, 60]) {
      expect(await timing.nextWait()).toBe(minutes * minute)
      expect(setup.listEntries('error').at(-1)).toMatchObject({
        message: failedMessage,
        reason: 'the order was rejected: too many',
        hint: rateHint,
        served: 'a placeholder',
        next: time(timing.clock() + minutes * minute),
      })
      if (minutes === 60) ca.answers['POST /order'] = accepted
      timing.endWait()
    }
    expect(await timing.nextWait()).toBe(hour)
    expect(setup.listEntries('error')).toHaveLength(3)
    // After a success the delay begins again.
    ca.answers['POST /order'] = [refusal]
    timing.setClock(start + 70 * day)
    timing.endWait(0)
    expect(await timing.nextWait()).toBe(15 * minute)
    expect(setup.listEntries('error').at(-1)).toMatchObject({ served: 'the old certificate' })
  })

  test('is repeated after a random part of the delay more, and not before the CA allows it', async () => {
    await using setup = await startTestSource({ fraction: 0.5 })
    const { timing, ca } = setup
    ca.answers['POST /order'] = [
      refusal,
      { ...refusal, headers: { 'retry-after': '7200' } },
      refusal,
    ]
    timing.endWait(await timing.nextWait())
    expect(await timing.nextWait()).toBe(15 * minute * 1.125)
    timing.endWait()
    expect(await timing.nextWait()).toBe(2 * hour * 1.125)
    timing.endWait()
    expect(await timing.nextWait()).toBe(hour * 1.125)
  })

  test('because the CA is away is repeated from a minute on', async () => {
    await using setup = await startTestSource()
    const { timing, ca } = setup
    ca.answers['GET /directory'] = [() => Promise.reject(new Error('connection refused'))]
    timing.endWait(await timing.nextWait())
    for (const minutes of [1, 2, 4]) {
      expect(await timing.nextWait()).toBe(minutes * minute)
      timing.endWait()
    }
    expect(setup.listEntries('error')[0]).toMatchObject({
      reason: "can't reach the certificate authority at ca.test: connection refused",
    })
  })

  test.each([
    [
      'with its own one',
      new DomainError('unavailable', 'the database is away', { hint: 'start it' }),
      { reason: 'the database is away', hint: 'start it' },
    ],
    [
      'without one of its own',
      new DomainError('unavailable', 'the database is away'),
      {
        reason: 'the database is away',
        hint: 'check the data folder and the database with `snailpass doctor`',
      },
    ],
    [
      'an error of the system',
      Object.assign(new Error('EIO'), { syscall: 'write' }),
      { reason: 'EIO', hint: 'check the data folder and the database with `snailpass doctor`' },
    ],
  ])(
    'because of this machine is logged with a hint, and repeated: %s',
    async (_, error, fields) => {
      await using setup = await startTestSource({ put: () => Promise.reject(error) })
      const { timing } = setup
      timing.endWait(await timing.nextWait())
      expect(await timing.nextWait()).toBe(minute)
      expect(setup.listEntries('error')).toMatchObject([{ message: failedMessage, ...fields }])
    },
  )

  test('because of a bug is logged whole, and repeated an hour later', async () => {
    const bug = () => Promise.reject(new TypeError('x is undefined'))
    await using setup = await startTestSource({ put: bug })
    setup.timing.endWait(await setup.timing.nextWait())
    expect(await setup.timing.nextWait()).toBe(hour)
    expect(setup.listEntries('error')).toMatchObject([
      {
        message: 'certificate renewal failed',
        fault: expect.stringContaining('x is undefined'),
      },
    ])
  })

  test('because the certificate is for other names is not saved', async () => {
    await using setup = await startTestSource({ names: [name, 'pass.example.org'] })
    const { timing, ca, source } = setup
    using other = await saveCertificateFor([name])
    ca.interceptFetch()
    const { cert = '' } = findSavedCertificate(other.path, ca.directory) ?? {}
    ca.answers['POST /certificate'] = [{ text: cert }]
    const placeholder = source.current().cert
    timing.endWait(await timing.nextWait())
    expect(await timing.nextWait()).toBe(minute)
    expect(setup.listEntries('error')).toMatchObject([
      {
        reason:
          'unexpected response of the certificate authority: the certificate is not the one that was ordered',
      },
    ])
    expect(source.current().cert).toBe(placeholder)
    expect(findSavedCertificate(setup.folder, ca.directory)).toBeNull()
  })

  test('because the server stops is not logged', async () => {
    const { promise: reached, resolve } = Promise.withResolvers<void>()
    await using setup = await startTestSource()
    const { timing, ca, source } = setup
    ca.answers['POST /order/1'] = [
      async () => {
        resolve()
        return { document: order([name], 'processing') }
      },
    ]
    timing.endWait(await timing.nextWait())
    await reached
    expect(await timing.nextWait()).toBe(second)
    await source.stop()
    expect(setup.listEntries('error')).toEqual([])
  })
})

describe('a certificate that can not be saved', () => {
  /** Starts a source whose certificates can't be saved, and has one issued. */
  async function startUnsaved() {
    const setup = await startTestSource()
    const { cert } = acmePaths(setup.folder, setup.ca.directory)
    mkdirSync(cert)
    setup.timing.endWait(await setup.timing.nextWait())
    return { ...setup, cert }
  }

  test('is served, and saving it is repeated from a minute on, without another order', async () => {
    await using setup = await startUnsaved()
    const { timing, source } = setup
    await timing.nextWait()
    const { cert } = source.current()
    expect(setup.seen).toEqual([cert])
    for (const minutes of [1, 2, 4]) {
      expect(await timing.nextWait()).toBe(minutes * minute)
      expect(setup.listEntries('error').at(-1)).toMatchObject({
        message: unsavedMessage,
        reason: expect.stringContaining(`${setup.folder} can't be used`),
        hint: expect.stringContaining('the disk has space'),
        next: time(timing.clock() + minutes * minute),
      })
      expect(source.current().cert).toBe(cert)
      timing.endWait()
    }
    await timing.nextWait()
    rmSync(setup.cert, { recursive: true })
    timing.endWait()
    expect(await timing.nextWait()).toBe(hour)
    expect(readFileSync(setup.cert, 'utf8')).toEndWith(cert)
    expect(setup.listEntries('error')).toHaveLength(4)
    // It is saved once.
    rmSync(setup.cert)
    timing.endWait()
    expect(await timing.nextWait()).toBe(hour)
    expect(existsSync(setup.cert)).toBeFalse()
    expect(setup.orders()).toBe(1)
  })

  test('is replaced once its renewal is due, an hour later', async () => {
    await using setup = await startUnsaved()
    const { timing } = setup
    expect(await timing.nextWait()).toBe(minute)
    setup.renewAnswers()
    timing.setClock(start + 2 * second + 60 * day - 1)
    timing.endWait(0)
    expect(await timing.nextWait()).toBe(2 * minute)
    timing.endWait(1)
    expect(await timing.nextWait()).toBe(hour)
    expect(setup.orders()).toBe(1)
    timing.endWait()
    // Saving the next one fails for the first time.
    expect(await timing.nextWait()).toBe(minute)
    expect(setup.orders()).toBe(2)
  })
})

test('a certificate counts as publicly trusted until it expires', async () => {
  using publicly = spyOn(roots, 'leadsToPublicRoot').mockReturnValue(true)
  await using setup = await startTestSource()
  const { source, timing } = setup
  expect(source.isPubliclyTrusted()).toBeFalse()
  timing.endWait(await timing.nextWait())
  await timing.nextWait()
  expect(publicly.mock.calls).toEqual([[source.current().cert]])
  const { notAfter } = parseCertificateInfo(source.current().cert)
  timing.setClock(notAfter - 1)
  expect(source.isPubliclyTrusted()).toBeTrue()
  timing.setClock(notAfter)
  expect(source.isPubliclyTrusted()).toBeFalse()
})
