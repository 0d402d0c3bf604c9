import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemRuntime } from '../../../src/app/runtime'
import { stageFiles } from '../../../src/files/file-replacement'
import { parseCertificateInfo } from '../../../src/tls/certificate-info'
import { findAuthority } from '../../../src/tls/local/authority'
import { ensureLocalCertificates } from '../../../src/tls/local/source'
import { captureError } from '../../support/capture-error'
import { refuseSyncs } from '../../support/file-operations'
import { fakeClock } from '../../support/timing'
import { createTestMachine } from '../../support/tls'
import { until } from '../../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

const day = 24 * 3600_000

/** Waits until five minutes have passed on the clock of a machine, and with them some checks. */
async function passFiveMinutes({ clock }: Pick<ReturnType<typeof createTestMachine>, 'clock'>) {
  const end = clock() + 5 * 60_000
  await until(() => clock() > end, 'five minutes to pass', { interval: 1 })
}

describe('a machine', () => {
  test('creates its CA and its certificate once, readable only by the owner', async () => {
    using machine = createTestMachine()
    const { folder } = machine
    // In real time, since each call waits for the lock of the other.
    const deps = { ...machine.deps, ...systemRuntime }
    const now = Date.now()
    const [one, other] = await Promise.all([
      ensureLocalCertificates(deps),
      ensureLocalCertificates(deps),
    ])
    expect(other.authority.info.sha256).toBe(one.authority.info.sha256)
    expect(other.leaf.info.sha256).toBe(one.leaf.info.sha256)
    expect(one.isNewAuthority).not.toBe(other.isNewAuthority)
    expect(one.leaf.info.names).toEqual(['pi', 'pi.local', '192.168.1.5', '::1'])
    const { notBefore, notAfter } = one.leaf.info
    expect((notAfter - notBefore) / day).toBe(397)
    expect(now - notBefore).toBeGreaterThan(day - 2_000)
    expect((one.authority.info.notAfter - now) / day / 365).toBeGreaterThan(9.9)
    for (const name of [folder.authorityKey, folder.authorityCert, folder.leaf]) {
      expect(statSync(name).mode & 0o777).toBe(0o600)
    }
    expect(statSync(folder.path).mode & 0o777).toBe(0o700)
    expect(readdirSync(folder.path).sort()).toEqual(['.lock', 'ca.crt', 'ca.key', 'leaf.pem'])
    const again = await ensureLocalCertificates(deps)
    expect({ ...again, renewalReason: null }).toEqual({
      ...one,
      isNewAuthority: false,
      renewalReason: null,
    })
    expect(again.renewalReason).toBeNull()
  })

  test('issues a new CA certificate for a key whose certificate is missing', async () => {
    using machine = createTestMachine()
    const first = await ensureLocalCertificates(machine.deps)
    rmSync(machine.folder.authorityCert)
    const second = await ensureLocalCertificates(machine.deps)
    // Name and key are the same, so devices with the first one installed trust the second.
    expect(second.authority.info.subject).toBe(first.authority.info.subject)
    expect(second.authority.key).toBe(first.authority.key)
    const [leaf] = [new X509Certificate(second.leaf.cert)]
    expect(leaf.checkIssued(new X509Certificate(first.authority.cert))).toBeTrue()
  })

  test('accepts a key that another tool has written in another format', async () => {
    using machine = createTestMachine()
    const { folder } = machine
    const first = await ensureLocalCertificates(machine.deps)
    const other = String(
      createPrivateKey(first.authority.key).export({ type: 'sec1', format: 'pem' }),
    )
    expect(other).toContain('-----BEGIN EC PRIVATE KEY-----')
    writeFileSync(folder.authorityKey, other)
    const second = await ensureLocalCertificates(machine.deps, { renew: 'leaf' })
    expect(second.authority.info).toEqual(first.authority.info)
    const { publicKey } = new X509Certificate(first.authority.cert)
    expect(new X509Certificate(second.leaf.cert).verify(publicKey)).toBeTrue()
    // Also if the certificate of the CA is missing.
    rmSync(folder.authorityCert)
    const third = await ensureLocalCertificates(machine.deps)
    expect(third.authority.info.subject).toBe(first.authority.info.subject)
  })

  test('creates no new CA by itself if a certificate shows that there was one', async () => {
    using machine = createTestMachine()
    const { folder } = machine
    const first = await ensureLocalCertificates(machine.deps)
    rmSync(folder.authorityCert)
    rmSync(folder.authorityKey)
    for (const options of [{}, { renew: 'leaf' as const }]) {
      expect(await captureError(ensureLocalCertificates(machine.deps, options))).toMatchObject({
        code: 'unavailable',
        message: `${folder.authorityCert} and its key are missing, although ${folder.leaf} shows that they existed`,
        hint: expect.stringContaining('create a new one with `snailpass tls renew --authority`'),
      })
    }
    expect(readdirSync(folder.path).sort()).toEqual(['.lock', 'leaf.pem'])
    expect(readFileSync(folder.leaf, 'utf8')).toBe(first.leaf.key + first.leaf.cert)
    const asked = await ensureLocalCertificates(machine.deps, { renew: 'authority' })
    expect(asked.isNewAuthority).toBeTrue()
    expect((await ensureLocalCertificates(machine.deps)).leaf.info).toEqual(asked.leaf.info)
  })

  test.each([
    ['ca.crt', 'nonsense', 'contains no certificate'],
    ['ca.key', 'nonsense', 'contains no private key'],
    ['ca.key', null, 'is missing'],
    ['leaf.pem', 'nonsense', 'contains no certificate with its key'],
  ])('refuses a %s with the content %p, and does not change it', async (name, text, problem) => {
    using machine = createTestMachine()
    await ensureLocalCertificates(machine.deps)
    const path = `${machine.folder.path}/${name}`
    if (text === null) rmSync(path)
    else writeFileSync(path, text)
    expect(await captureError(ensureLocalCertificates(machine.deps))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(problem),
      hint: expect.stringMatching(/renew --authority|remove the file/),
    })
    expect(existsSync(path) ? readFileSync(path, 'utf8') : null).toBe(text)
  })

  test('refuses the files of another CA, and does not change them', async () => {
    using machine = createTestMachine()
    using other = createTestMachine()
    const [, foreign] = [
      await ensureLocalCertificates(machine.deps),
      await ensureLocalCertificates(other.deps),
    ]
    const { folder } = machine
    const text = foreign.leaf.key + foreign.leaf.cert
    writeFileSync(folder.leaf, text)
    expect(await captureError(ensureLocalCertificates(machine.deps))).toMatchObject({
      code: 'unavailable',
      message: `${folder.leaf} contains a certificate that the certificate authority of this server did not issue`,
    })
    expect(readFileSync(folder.leaf, 'utf8')).toBe(text)
    writeFileSync(folder.authorityKey, foreign.authority.key)
    expect(await captureError(ensureLocalCertificates(machine.deps))).toMatchObject({
      message: `${folder.authorityKey} does not belong to ${folder.authorityCert}`,
    })
    writeFileSync(folder.authorityKey, foreign.leaf.key)
    writeFileSync(folder.authorityCert, foreign.leaf.cert)
    expect(await captureError(ensureLocalCertificates(machine.deps))).toMatchObject({
      message: `${folder.authorityCert} is not a certificate authority that snailpass created`,
    })
  })

  test('creates no CA while its clock is obviously wrong', async () => {
    using machine = createTestMachine()
    const deps = { ...machine.deps, clock: fakeClock(60_000) }
    expect(await captureError(ensureLocalCertificates(deps))).toMatchObject({
      code: 'unavailable',
      message: 'the clock of this machine is wrong: it shows 1970-01-01T00:01:00.000Z',
      hint: expect.stringContaining('timedatectl'),
    })
    expect(existsSync(machine.folder.authorityKey)).toBeFalse()
  })

  test('issues no certificate on request while its CA is not valid yet', async () => {
    using machine = createTestMachine()
    const ahead = { ...machine.deps, clock: () => Date.UTC(2040, 0, 2) }
    const first = await ensureLocalCertificates(ahead)
    expect(
      await captureError(ensureLocalCertificates(machine.deps, { renew: 'leaf' })),
    ).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('authority is not valid before 2040-01-01'),
      hint: expect.stringContaining('snailpass tls renew --authority'),
    })
    expect(readFileSync(machine.folder.leaf, 'utf8')).toBe(first.leaf.key + first.leaf.cert)
    const next = await ensureLocalCertificates(machine.deps, { renew: 'authority' })
    expect(next.leaf.info.notBefore).toBeLessThan(machine.clock())
  })

  test.each([
    ['vault.example.org', 'for a name on the internet, use a certificate of your own'],
    ['8.8.8.8', 'for a name on the internet, use a certificate of your own'],
    ['nas', 'write it as nas.local'],
  ])('refuses the requested name %s, and says what to do', async (name, hint) => {
    using machine = createTestMachine()
    const first = await ensureLocalCertificates(machine.deps)
    machine.rename({ requested: [name] })
    expect(await captureError(ensureLocalCertificates(machine.deps))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(name),
      hint: expect.stringContaining(hint),
    })
    expect(
      (
        await ensureLocalCertificates({
          ...machine.deps,
          wanted: () => ({ hostname: 'pi', own: [], requested: [] }),
        })
      ).leaf.info,
    ).toEqual(first.leaf.info)
  })

  test('creates a CA that permits the names without a dot that were requested at its creation', async () => {
    using machine = createTestMachine({ requested: ['nas', 'nas.lan'] })
    const { leaf } = await ensureLocalCertificates(machine.deps)
    expect(leaf.info.names).toContain('nas')
    using refused = createTestMachine({ requested: ['example.org'] })
    expect(await captureError(ensureLocalCertificates(refused.deps))).toMatchObject({
      code: 'invalid',
    })
    expect(existsSync(refused.folder.authorityKey)).toBeFalse()
  })

  test('replaces its CA only on request', async () => {
    using machine = createTestMachine()
    const first = await ensureLocalCertificates(machine.deps)
    machine.rename({ hostname: 'nas', own: ['nas', 'nas.local'] })
    const second = await ensureLocalCertificates(machine.deps)
    expect(second.authority.info).toEqual(first.authority.info)
    expect(second.unpermittedNames).toEqual(['nas'])
    expect(second.leaf.info.names).toEqual(['nas.local', 'pi', 'pi.local', '192.168.1.5', '::1'])
    const third = await ensureLocalCertificates(machine.deps, { renew: 'authority' })
    expect(third.authority.info.sha256).not.toBe(first.authority.info.sha256)
    expect(third.leaf.info.names).toEqual(['nas', 'nas.local'])
    expect(third.unpermittedNames).toEqual([])
    expect((await ensureLocalCertificates(machine.deps)).leaf.info).toEqual(third.leaf.info)
  })

  test('creates a new key whenever it replaces its CA', async () => {
    using machine = createTestMachine()
    const first = await ensureLocalCertificates(machine.deps)
    rmSync(machine.folder.authorityCert)
    const second = await ensureLocalCertificates(machine.deps, { renew: 'authority' })
    expect(second.authority.key).not.toBe(first.authority.key)
    expect(readFileSync(machine.folder.authorityKey, 'utf8')).toBe(second.authority.key)
    expect((await ensureLocalCertificates(machine.deps)).leaf.info).toEqual(second.leaf.info)
  })

  test('keeps its complete CA if there is no space for the next one', async () => {
    using machine = createTestMachine()
    const { folder } = machine
    await ensureLocalCertificates(machine.deps)
    const textsOf = () =>
      [folder.authorityKey, folder.authorityCert, folder.leaf].map((path) =>
        readFileSync(path, 'utf8'),
      )
    const before = textsOf()
    {
      using _ = refuseSyncs(3)
      expect(
        await captureError(ensureLocalCertificates(machine.deps, { renew: 'authority' })),
      ).toMatchObject({ code: 'unavailable' })
    }
    expect(textsOf()).toEqual(before)
    expect(readdirSync(folder.path).sort()).toEqual(['.lock', 'ca.crt', 'ca.key', 'leaf.pem'])
  })

  test('takes a new CA on request out of an interrupted restore, which would replace it', async () => {
    using machine = createTestMachine()
    const { folder } = machine
    await ensureLocalCertificates(machine.deps)
    stageFiles(folder.path, 'restore', [
      { name: 'ca.key', text: 'restored' },
      { name: 'ca.crt', text: 'restored' },
      { name: 'acme.key', text: 'restored' },
      { name: 'leaf.pem', text: null },
    ])
    await ensureLocalCertificates(machine.deps, { renew: 'leaf' })
    expect(readdirSync(join(folder.path, '.stage-restore'))).toHaveLength(4)
    const { authority } = await ensureLocalCertificates(machine.deps, { renew: 'authority' })
    expect(readdirSync(join(folder.path, '.stage-restore'))).toEqual(['acme.key'])
    expect(await findAuthority(folder)).toEqual(authority)
  })
})

describe('a certificate of the local CA', () => {
  test('is replaced when a name is missing, and not when a name is no longer needed', async () => {
    using machine = createTestMachine()
    const source = await machine.start()
    const seen: string[][] = []
    const stop = source.subscribe(({ cert }) => seen.push([...parseCertificateInfo(cert).names]))
    machine.rename({ own: ['pi', 'pi.local', '192.168.1.7', '::1'] })
    await until(() => seen.length === 1, 'a certificate with the new name')
    expect(seen[0]).toEqual(['pi', 'pi.local', '192.168.1.7', '::1', '192.168.1.5'])
    const { cert } = source.current()
    machine.rename({ own: ['pi', '192.168.1.5', '2001:db8::5', 'vault.example.org'] })
    await passFiveMinutes(machine)
    expect(source.current().cert).toBe(cert)
    expect(source.isPubliclyTrusted()).toBeFalse()
    stop()
    await source.stop()
    expect(machine.listEntries('error')).toEqual([])
  })

  test('is renewed when a third of its lifetime is left', async () => {
    using machine = createTestMachine()
    const source = await machine.start()
    const { notAfter } = parseCertificateInfo(source.current().cert)
    let next: number | null = null
    source.subscribe(({ cert }) => {
      next = parseCertificateInfo(cert).notAfter
    })
    machine.advance(notAfter - machine.clock() - (397 * day) / 3 - 60_000)
    await until(() => next !== null, 'the renewed certificate', { interval: 1 })
    const left = notAfter - machine.clock()
    expect(left / day).toBeGreaterThan(132)
    expect(left / day).toBeLessThan(397 / 3)
    await source.stop()
  })

  test('is replaced when another process issues a certificate or creates a CA', async () => {
    using machine = createTestMachine()
    const source = await machine.start()
    let notifications = 0
    source.subscribe(() => notifications++)
    const renewed = await ensureLocalCertificates(machine.deps, { renew: 'leaf' })
    await until(() => notifications === 1, 'the certificate of the other process')
    expect(source.current().cert).toBe(renewed.leaf.cert)
    const replaced = await ensureLocalCertificates(machine.deps, { renew: 'authority' })
    await until(
      () => source.authority().info.sha256 === replaced.authority.info.sha256,
      'the CA of the other process',
    )
    await until(() => notifications === 2, 'the certificate of the new CA')
    expect(source.current().cert).toBe(replaced.leaf.cert)
    await source.stop()
    expect(machine.listEntries('error')).toEqual([])
  })

  test('stays in use when the files are damaged or missing, which is logged once, and no new CA is created', async () => {
    using machine = createTestMachine()
    const source = await machine.start()
    const { cert } = source.current()
    const authority = readFileSync(machine.folder.authorityCert)
    writeFileSync(machine.folder.authorityCert, 'nonsense')
    await passFiveMinutes(machine)
    expect(machine.listEntries('error')).toHaveLength(1)
    rmSync(machine.folder.authorityCert)
    rmSync(machine.folder.authorityKey)
    await until(() => machine.listEntries('error').length === 2, 'the error about the missing CA')
    expect(machine.listEntries('error')[1]).toMatchObject({
      message: 'certificate renewal failed',
      reason: expect.stringContaining(`${machine.folder.authorityCert} and its key are missing`),
      hint: expect.stringContaining('restore both files of the certificate authority from a copy'),
    })
    expect(existsSync(machine.folder.authorityKey)).toBeFalse()
    rmSync(machine.folder.leaf)
    await until(() => machine.listEntries('error').length === 3, 'the error about the missing leaf')
    expect(machine.listEntries('error')[2]).toMatchObject({
      hint: expect.stringContaining('restore it from a copy'),
    })
    expect(existsSync(machine.folder.authorityKey)).toBeFalse()
    expect(source.current().cert).toBe(cert)
    expect(source.authority().cert).toBe(authority.toString())
    await source.stop()
  })

  test('is valid no longer than its CA, whose expiry is logged once', async () => {
    using machine = createTestMachine()
    const { authority } = await ensureLocalCertificates(machine.deps)
    machine.advance(authority.info.notAfter - machine.clock() - 100 * day)
    const source = await machine.start()
    expect(parseCertificateInfo(source.current().cert).notAfter).toBe(authority.info.notAfter)
    const { cert } = source.current()
    await passFiveMinutes(machine)
    expect(machine.listEntries('warn').map(({ message }) => message)).toEqual([
      expect.stringContaining('the certificate authority expires'),
    ])
    machine.advance(200 * day)
    await passFiveMinutes(machine)
    // The CA has expired, so there is no valid certificate to replace it with.
    expect(source.current().cert).toBe(cert)
    expect(machine.listEntries('error')).toEqual([])
    await source.stop()
  })

  test('stays in use while its CA is not valid yet, which is logged once', async () => {
    using machine = createTestMachine()
    const ahead = { ...machine.deps, clock: () => Date.UTC(2040, 0, 2) }
    const { leaf } = await ensureLocalCertificates(ahead)
    const source = await machine.start()
    await passFiveMinutes(machine)
    expect(machine.listEntries('error')).toMatchObject([
      {
        message: expect.stringContaining('authority is not valid before 2040-01-01'),
        hint: expect.stringContaining('snailpass tls renew --authority'),
      },
    ])
    expect(source.current().cert).toBe(leaf.cert)
    await ensureLocalCertificates(machine.deps, { renew: 'authority' })
    await until(() => source.current().cert !== leaf.cert, 'a certificate of the new CA')
    await source.stop()
    expect(machine.listEntries('error')).toHaveLength(1)
  })

  test('gets one warning for a name that its CA does not permit', async () => {
    using machine = createTestMachine()
    await ensureLocalCertificates(machine.deps)
    machine.rename({ hostname: 'nas', own: ['nas', 'nas.local'] })
    const source = await machine.start()
    await passFiveMinutes(machine)
    expect(machine.listEntries('warn').map(({ names }) => names)).toEqual(['nas'])
    expect(parseCertificateInfo(source.current().cert).names).toContain('nas.local')
    await source.stop()
  })
})
