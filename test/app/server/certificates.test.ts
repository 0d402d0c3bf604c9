import { describe, expect, test } from 'bun:test'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { checkCertificate } from '../../../src/app/doctor/certificate'
import { checkPermissions } from '../../../src/app/doctor/files'
import { findCertificate, renewCertificate } from '../../../src/app/operations/certificates'
import { systemRuntime } from '../../../src/app/runtime'
import { namesOfMachine } from '../../../src/app/server/certificates'
import { openTargets } from '../../../src/app/targets'
import { loadConfig } from '../../../src/config/load'
import { parseCertificateInfo } from '../../../src/tls/certificate-info'
import { readKeyPair } from '../../../src/tls/file-source'
import { tlsFolder } from '../../../src/tls/local/folder'
import { ensureLocalCertificates } from '../../../src/tls/local/source'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import { startTestServer } from '../../support/server'
import { manualTiming, random } from '../../support/timing'
import { createCertificateFiles } from '../../support/tls'
import { until } from '../../support/until'

const day = 24 * 3600_000

function settingsOf(dataDir: string, environment: Record<string, string> = {}) {
  const input = { SNAILPASS_LISTEN_TLS: '0.0.0.0:5443', ...environment }
  return loadConfig({ environment: input, flags: { dataDir }, file: null }).settings
}

const withoutConsent = { authority: false, consent: () => Promise.reject(new Error('was asked')) }

test('a certificate of a machine that announces itself has the announced names', () => {
  const names = namesOfMachine(settingsOf('/nowhere', { SNAILPASS_MDNS: 'yes' }))
  expect(names).toContain('snailpass.local')
  expect(names).toContain('snailpass-2.local')
  expect(namesOfMachine(settingsOf('/nowhere'))).not.toContain('snailpass.local')
})

test('a certificate has the names and addresses of the machine, and those of the settings', () => {
  const names = namesOfMachine(
    settingsOf('/nowhere', {
      SNAILPASS_PUBLIC_URL: 'https://Vault.example.org:8443/',
      SNAILPASS_PUBLIC_HOSTS: 'nas.lan:5000',
      SNAILPASS_LISTEN_TLS: 'pi.home.arpa:5443,[::]:5443,0.0.0.0:5443',
    }),
  )
  for (const name of ['localhost', '127.0.0.1', 'vault.example.org', 'nas.lan', 'pi.home.arpa']) {
    expect(names).toContain(name)
  }
  expect(names).toContain(`${hostname().toLowerCase().split('.')[0]}.local`)
  expect(names.filter((name) => ['::', '0.0.0.0'].includes(name) || /[[\]]/.test(name))).toEqual([])
  expect(new Set(names).size).toBe(names.length)
})

describe('renewing', () => {
  test('issues a certificate without a question, and creates an authority only with consent', async () => {
    using folder = temporaryFolder()
    const settings = settingsOf(folder.path)
    expect(await findCertificate(settings)).toEqual({
      mode: 'local',
      isServed: true,
      certificate: null,
      authority: null,
    })
    await renewCertificate(openTargets(settings, systemRuntime), withoutConsent)
    const first = await findCertificate(settings)
    await renewCertificate(openTargets(settings, systemRuntime), withoutConsent)
    const second = await findCertificate(settings)
    expect(second.authority).toEqual(first.authority)
    expect(second.certificate?.sha256).not.toBe(first.certificate?.sha256)
    const refused = await captureError(
      renewCertificate(openTargets(settings, systemRuntime), {
        ...withoutConsent,
        authority: true,
      }),
    )
    expect(refused).toMatchObject({ message: 'was asked' })
    expect(await findCertificate(settings)).toEqual(second)
    await renewCertificate(openTargets(settings, systemRuntime), {
      authority: true,
      consent: async () => {},
    })
    expect((await findCertificate(settings)).authority?.sha256).not.toBe(first.authority?.sha256)
  })

  test('asks for consent before it replaces an authority', async () => {
    using folder = temporaryFolder()
    const settings = settingsOf(folder.path)
    await renewCertificate(openTargets(settings, systemRuntime), withoutConsent)
    const { path, authorityCert, authorityKey } = tlsFolder(join(folder.path, 'tls'))
    for (const file of [authorityCert, authorityKey]) {
      rmSync(file)
      const left = readdirSync(path)
      expect(
        await captureError(
          renewCertificate(openTargets(settings, systemRuntime), {
            ...withoutConsent,
            authority: true,
          }),
        ),
      ).toMatchObject({ message: 'was asked' })
      expect(readdirSync(path)).toEqual(left)
    }
  })

  test('is refused for the certificate of someone else, which stays', async () => {
    using folder = temporaryFolder()
    using pair = await createCertificateFiles()
    const settings = settingsOf(folder.path, {
      SNAILPASS_TLS: 'files',
      SNAILPASS_TLS_CERT: pair.cert,
      SNAILPASS_TLS_KEY: pair.key,
    })
    const before = await findCertificate(settings)
    expect(before).toMatchObject({ mode: 'files', authority: null })
    expect(
      await captureError(renewCertificate(openTargets(settings, systemRuntime), withoutConsent)),
    ).toMatchObject({
      code: 'conflict',
      message: 'with SNAILPASS_TLS=files, the certificate is not issued by snailpass',
    })
    expect(await findCertificate(settings)).toEqual(before)
  })
})

describe('the doctor', () => {
  /** Returns what the doctor finds so many days from now. */
  async function find(settings: ReturnType<typeof settingsOf>, days = 0) {
    const clock = () => Date.now() + days * day
    const { findings = [] } = await checkCertificate(
      openTargets(settings, { ...systemRuntime, clock }),
    )
    return findings.map(({ what, fix }) => `${what}: ${fix}`)
  }

  test('finds nothing if HTTPS is off, before the first start, and if all is well', async () => {
    using folder = temporaryFolder()
    const off = settingsOf(folder.path, { SNAILPASS_LISTEN_TLS: 'off' })
    expect(await checkCertificate(openTargets(off, systemRuntime))).toEqual({
      fact: 'HTTPS is off',
    })
    const settings = settingsOf(folder.path)
    expect(await find(settings)).toEqual([])
    await renewCertificate(openTargets(settings, systemRuntime), withoutConsent)
    expect(await find(settings)).toEqual([])
  })

  test('finds a certificate that should have been renewed, and an authority near its end', async () => {
    using folder = temporaryFolder()
    const settings = settingsOf(folder.path)
    await renewCertificate(openTargets(settings, systemRuntime), withoutConsent)
    expect(await find(settings, 200)).toEqual([])
    expect(await find(settings, 270)).toEqual([
      expect.stringMatching(/leaf\.pem expires on \S+: snailpass tls renew$/),
    ])
    expect((await find(settings, 400))[0]).toContain('leaf.pem has expired on')
    expect((await find(settings, -10))[0]).toContain('timedatectl')
    expect((await find(settings, -10))[1]).toMatch(
      /authority is not valid before \S+: check the clock; if it is right, run snailpass tls renew --authority/,
    )
    const late = { ...systemRuntime, clock: () => Date.now() + 3600 * day }
    await renewCertificate(openTargets(settings, late), withoutConsent)
    expect(await find(settings, 3600)).toEqual([
      expect.stringMatching(/authority expires on \S+: snailpass tls renew --authority/),
    ])
  })

  test('finds names that the certificate lacks', async () => {
    using folder = temporaryFolder()
    await renewCertificate(openTargets(settingsOf(folder.path), systemRuntime), withoutConsent)
    const more = { SNAILPASS_TLS_NAMES: 'vault.lan' }
    expect(await find(settingsOf(folder.path, more))).toEqual([
      expect.stringMatching(/leaf\.pem is not for vault\.lan: snailpass tls renew$/),
    ])
    const elsewhere = { SNAILPASS_PUBLIC_URL: 'https://vault.example.org/' }
    expect(await find(settingsOf(folder.path, elsewhere))).toEqual([
      expect.stringMatching(/is not for vault\.example\.org: .*SNAILPASS_TLS=files$/),
    ])
    // There a proxy has the certificate.
    const plain = { SNAILPASS_PUBLIC_URL: 'http://vault.example.org/' }
    expect(await find(settingsOf(folder.path, plain))).toEqual([])
  })

  test('finds an authority from the time when the machine had another name', async () => {
    using folder = temporaryFolder()
    const { path } = folder
    const wanted = () => ({ hostname: 'old', own: ['old.local'], requested: [] })
    await ensureLocalCertificates({
      folder: tlsFolder(join(path, 'tls')),
      wanted,
      ...systemRuntime,
      random,
    })
    const found = await find(settingsOf(path))
    expect(found[0]).toContain(`does not permit ${hostname().toLowerCase()}`)
    expect(found[0]).toContain('snailpass tls renew --authority')
    // For the names that it permits, a running server would issue a new certificate.
    expect(found[1]).toMatch(/leaf\.pem is not for .*: snailpass tls renew$/)
  })

  test('checks certificate files: their end, their names, and that they fit each other', async () => {
    using folder = temporaryFolder()
    using pair = await createCertificateFiles({
      names: ['*.example.org'],
      notAfter: Date.now() + 40 * day,
    })
    const files = {
      SNAILPASS_TLS: 'files',
      SNAILPASS_TLS_CERT: pair.cert,
      SNAILPASS_TLS_KEY: pair.key,
      SNAILPASS_PUBLIC_URL: 'https://vault.example.org/',
    }
    const settings = settingsOf(folder.path, files)
    // A third of 40 days, and a day for the renewal.
    expect(await find(settings, 27)).toEqual([])
    expect(await find(settings, 28)).toEqual([
      expect.stringMatching(/fullchain\.pem expires on \S+: .*certbot renew --dry-run/),
    ])
    const deeper = { ...files, SNAILPASS_PUBLIC_URL: 'https://a.vault.example.org/' }
    expect((await find(settingsOf(folder.path, deeper)))[0]).toContain(
      'is not for a.vault.example.org',
    )
    writeFileSync(pair.key, 'nonsense')
    expect(
      await captureError(checkCertificate(openTargets(settings, systemRuntime))),
    ).toMatchObject({
      code: 'unavailable',
    })
  })

  test('finds keys that others can open, and fixes that', async () => {
    using folder = temporaryFolder()
    chmodSync(folder.path, 0o700)
    const settings = settingsOf(folder.path)
    await renewCertificate(openTargets(settings, systemRuntime), withoutConsent)
    expect((await checkPermissions(openTargets(settings, systemRuntime), false)).findings).toEqual(
      [],
    )
    const keys = ['ca.key', 'leaf.pem'].map((name) => join(folder.path, 'tls', name))
    for (const key of keys) chmodSync(key, 0o644)
    const { findings = [] } = await checkPermissions(openTargets(settings, systemRuntime), false)
    expect(findings.map(({ what }) => what)).toEqual(
      keys.map((key) => `other users of this machine can read ${key}`),
    )
    expect((await checkPermissions(openTargets(settings, systemRuntime), true)).findings).toEqual(
      [],
    )
  })
})

test('the information about certificates contains nothing of a key', async () => {
  using folder = temporaryFolder()
  const { path } = folder
  const wanted = () => ({ hostname: 'pi', own: ['pi'], requested: [] })
  const deps = { folder: tlsFolder(join(path, 'tls')), wanted, ...systemRuntime, random }
  await ensureLocalCertificates(deps)
  const output = JSON.stringify(await findCertificate(settingsOf(path)))
  for (const name of ['ca.key', 'leaf.pem']) {
    const [, line = 'none'] = readFileSync(join(path, 'tls', name), 'utf8').split('\n')
    expect(output).not.toContain(line)
  }
})

test('a server switches to new certificate files without a failed request', async () => {
  using pair = await createCertificateFiles()
  const timing = manualTiming()
  // The certificates are valid now.
  const offset = Date.now() - timing.clock()
  await using server = await startTestServer({
    listen: 'off',
    settings: {
      SNAILPASS_LISTEN_TLS: '127.0.0.1:0',
      SNAILPASS_TLS: 'files',
      SNAILPASS_TLS_CERT: pair.cert,
      SNAILPASS_TLS_KEY: pair.key,
    },
    runtime: { ...timing, clock: () => timing.clock() + offset },
  })
  const seen: string[] = []
  const ask = async () => {
    const answer = await fetch(new URL('/healthz', server.url), {
      tls: {
        ca: pair.authority,
        checkServerIdentity: (_: string, { fingerprint256 }: { fingerprint256: string }) =>
          void seen.push(fingerprint256),
      },
      // A new handshake for each request.
      keepalive: false,
    })
    expect(answer.status).toBe(200)
  }
  await ask()
  await pair.renew()
  for (let time = 0; time < 50; time++) await Promise.all([ask(), ask()])
  const next = parseCertificateInfo((await readKeyPair(pair)).cert).sha256
  // The server sees the new files, and changes to them in a moment without requests.
  await until(async () => {
    await timing.advance(2_000)
    await ask()
    return seen.at(-1) === next
  }, 'the server to serve the new certificate')
  expect(new Set(seen).size).toBe(2)
}, 300_000)
