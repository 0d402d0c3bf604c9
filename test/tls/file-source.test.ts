import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import type { CertificateSource } from '../../src/domain/certificates'
import { readKeyPair, startFileSource } from '../../src/tls/file-source'
import { leadsToPublicRoot } from '../../src/tls/roots'
import { captureError } from '../support/capture-error'
import { createTestAuthority } from '../support/certificates'
import { temporaryFolder } from '../support/executable'
import { virtualTiming } from '../support/store'
import { createTestLog } from '../support/tls'
import { until } from '../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

const authority = await createTestAuthority()
const subject = { names: ['vault.example.org'] }
const good = await authority.issue(subject)
const chain = good.certificate + authority.certificate
const next = await authority.issue(subject)
const hour = 3600_000
const expired = await authority.issue({ ...subject, notAfter: Date.now() - hour / 2 })
const future = await authority.issue({ ...subject, notBefore: Date.now() + hour / 2 })
const encryptedKey = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
}).privateKey

/** Returns a source of two files that a test can change, in virtual time. */
function createCertificateSource() {
  const folder = temporaryFolder()
  const paths = { cert: join(folder.path, 'fullchain.pem'), key: join(folder.path, 'key.pem') }
  const log = createTestLog()
  const { clock, wait } = virtualTiming()
  return {
    ...log,
    folder: folder.path,
    paths,
    clock,
    put(cert: string, key: string) {
      writeFileSync(paths.cert, cert)
      writeFileSync(paths.key, key)
    },
    start: () => startFileSource(paths, { publicName: null, clock, wait, log: log.log }),
    /** Waits until a minute of virtual time has passed, with its checks. */
    async minute() {
      const then = clock()
      await until(() => clock() > then + 60_000, 'a minute to pass', { interval: 1 })
    },
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

test('a certificate with its chain is read and described', async () => {
  using setup = createCertificateSource()
  setup.put(chain, good.key)
  const { info, cert } = await readKeyPair(setup.paths)
  expect(info).toMatchObject({ names: ['vault.example.org'], issuer: 'CN=Test authority' })
  expect(info.sha256).toMatch(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  expect(cert).toBe(chain)
  setup.put(good.certificate, good.key)
  expect((await readKeyPair(setup.paths)).info).toEqual(info)
})

const untilLoaded = (source: CertificateSource, { certificate }: { certificate: string }) =>
  until(() => source.current().cert === certificate, 'the source to load the other certificate')

test.each([
  [
    'no certificate',
    'nonsense',
    good.key,
    'contains no certificate in PEM format',
    'openssl x509 -inform der',
  ],
  [
    'an empty file',
    '',
    good.key,
    'contains no certificate in PEM format',
    '-----BEGIN CERTIFICATE-----',
  ],
  ['both swapped', good.key, chain, 'contains a key and no certificate', 'swapped'],
  [
    'half a certificate',
    chain.replace(/.{64}\n/, ''),
    good.key,
    'contains a damaged certificate',
    'whole',
  ],
  ['no key', chain, 'nonsense', 'contains no private key in PEM format', 'SNAILPASS_TLS_KEY'],
  ['an encrypted key', chain, encryptedKey, 'is encrypted with a passphrase', 'openssl pkey'],
  ["another one's key", chain, next.key, 'does not belong to the certificate', 'writes both'],
])('refuses %s with a hint', async (_what, cert, key, problem, hint) => {
  using setup = createCertificateSource()
  setup.put(cert, key)
  const error = await captureError(setup.start())
  expect(error).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(problem),
    hint: expect.stringContaining(hint),
  })
  expect(JSON.stringify([error, setup.lines])).not.toContain(key.slice(40, 80) || 'no key')
})

test('refuses files that do not exist', async () => {
  using setup = createCertificateSource()
  expect(await captureError(setup.start())).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^can't read .*fullchain\.pem: ENOENT/),
    hint: expect.stringContaining('SNAILPASS_TLS_CERT'),
  })
})

describe('a certificate from files', () => {
  test('is replaced only when both files fit together, and subscribers are notified once', async () => {
    using setup = createCertificateSource()
    setup.put(chain, good.key)
    const source = await setup.start()
    const seen: string[] = []
    source.subscribe(({ cert }) => seen.push(cert))
    expect(source.current()).toMatchObject({ cert: chain, key: good.key })
    // The program that renews them writes one file after the other.
    writeFileSync(setup.paths.cert, next.certificate)
    await setup.minute()
    expect(source.current().cert).toBe(chain)
    expect(setup.listEntries('error').map(({ reason }) => reason)).toEqual([
      `the key ${setup.paths.key} does not belong to the certificate ${setup.paths.cert}`,
    ])
    writeFileSync(setup.paths.key, next.key)
    await until(() => seen.length > 0, 'the new pair')
    await setup.minute()
    expect(seen).toEqual([next.certificate])
    expect(source.current()).toMatchObject({ cert: next.certificate, key: next.key })
    await source.stop()
    setup.put(chain, good.key)
    await Bun.sleep(5)
    expect(seen).toHaveLength(1)
  })

  test('is replaced when a link points elsewhere, and when a file is renamed over the old one', async () => {
    using setup = createCertificateSource()
    const { folder, paths } = setup
    for (const [name, { certificate, key }] of Object.entries({ good, next })) {
      writeFileSync(join(folder, `${name}.pem`), certificate)
      writeFileSync(join(folder, `${name}.key`), key)
    }
    const link = (name: string) => {
      for (const path of Object.values(paths)) rmSync(path, { force: true })
      symlinkSync(join(folder, `${name}.pem`), paths.cert)
      symlinkSync(join(folder, `${name}.key`), paths.key)
    }
    link('good')
    const source = await setup.start()
    link('next')
    await untilLoaded(source, next)
    renameSync(join(folder, 'good.pem'), paths.cert)
    renameSync(join(folder, 'good.key'), paths.key)
    await untilLoaded(source, good)
    await source.stop()
  })

  test('is kept while the files are damaged, which is logged once, and replaced when they are repaired', async () => {
    using setup = createCertificateSource()
    setup.put(chain, good.key)
    const source = await setup.start()
    setup.put('half a certific', next.key)
    await setup.minute()
    await setup.minute()
    expect(setup.listEntries('error')).toHaveLength(1)
    expect(setup.listEntries('error')[0]).toMatchObject({
      message: 'certificate reload failed',
      reason: expect.stringContaining('contains no certificate in PEM format'),
      hint: expect.stringContaining('openssl x509'),
    })
    rmSync(setup.paths.cert)
    await setup.minute()
    expect(setup.listEntries('error')).toHaveLength(2)
    expect(source.current().cert).toBe(chain)
    setup.put(next.certificate, next.key)
    await untilLoaded(source, next)
    await source.stop()
  })

  test.each([
    ['expired on', expired],
    ['is not valid before', future],
  ])(
    'that %s another day is served if there is no valid one, and does not replace a valid one',
    async (words, bad) => {
      using setup = createCertificateSource()
      setup.put(bad.certificate, bad.key)
      const first = await setup.start()
      expect(first.current().cert).toBe(bad.certificate)
      expect(setup.listEntries('error')[0].message).toContain(words)
      setup.put(good.certificate, good.key)
      await untilLoaded(first, good)
      setup.put(bad.certificate, bad.key)
      await setup.minute()
      expect(first.current().cert).toBe(good.certificate)
      expect(setup.listEntries('error').at(-1).reason).toContain(
        `the new certificate ${setup.paths.cert} ${words}`,
      )
      await first.stop()
    },
  )
})

test.each([
  ['two weeks before it expires', 90, 14],
  ['when a sixth of a short lifetime is left', 6, 1],
])('a certificate that is not renewed gets one warning, %s', async (_, life, left) => {
  using setup = createCertificateSource()
  const notAfter = Date.now() + left * 24 * hour + 60_000
  const notBefore = notAfter - life * 24 * hour
  const ending = await authority.issue({ ...subject, notBefore, notAfter })
  setup.put(ending.certificate + authority.certificate, ending.key)
  const source = await setup.start()
  expect(setup.listEntries('warn')).toEqual([])
  await setup.minute()
  await setup.minute()
  expect(setup.listEntries('warn').map(({ message }) => message)).toEqual([
    expect.stringMatching(/fullchain\.pem expires on \S+ and has not been renewed$/),
  ])
  await source.stop()
})

describe('browsers trust', () => {
  test('a chain that leads to a public root', () => {
    for (const root of rootCertificates.slice(0, 5)) expect(leadsToPublicRoot(root)).toBeTrue()
  })

  test('no certificate of another authority, even if it has the name of a public root', async () => {
    expect(leadsToPublicRoot(chain)).toBeFalse()
    using setup = createCertificateSource()
    setup.put(chain, good.key)
    const source = await setup.start()
    expect(source.isPubliclyTrusted()).toBeFalse()
    await source.stop()
    const [root = ''] = rootCertificates
    const impostor = await createTestAuthority({ sameNameAs: root })
    const leaf = await impostor.issue(subject)
    expect(leadsToPublicRoot(leaf.certificate + impostor.certificate)).toBeFalse()
  })
})
