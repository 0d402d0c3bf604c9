import { describe, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseChain } from '../../../src/tls/certificate-info'
import type { Authority } from '../../../src/tls/local/authority'
import { createAuthority, findAuthority } from '../../../src/tls/local/authority'
import { tlsFolder } from '../../../src/tls/local/folder'
import {
  findLeaf,
  findRenewalReason,
  issueLeaf,
  type Leaf,
  saveAuthority,
  saveLeaf,
} from '../../../src/tls/local/leaf'
import { createLeafCertificate } from '../../../src/tls/x509'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import { fakeClock, random } from '../../support/timing'

const start = Date.UTC(2026, 10, 23, 16, 31, 4)
const day = 24 * 3600_000
const names = ['pi', 'pi.local', '192.168.1.5']

const shared = temporaryFolder()
const authority = await createAuthority(
  tlsFolder(shared.path),
  { hostname: 'pi', requested: [], isNewKey: false },
  { clock: fakeClock(start), random },
)
shared[Symbol.dispose]()

/** The authority, as if it was valid from a day before `start` until this time. */
const endingAt = (notAfter: number): Authority => ({
  ...authority,
  info: { ...authority.info, notAfter },
})

/** A certificate that is valid at these times, of which only what is shown is known. */
const leafOf = (notBefore: number, notAfter: number): Leaf => ({
  cert: '',
  key: '',
  info: { subject: '', issuer: '', names, notBefore, notAfter, sha256: '' },
})

const issued = leafOf(start - day, start + 396 * day)

describe('a certificate is renewed', () => {
  test('if there is none', () => {
    expect(findRenewalReason(null, names, authority, start)).toBe('missing')
  })

  test.each([
    [['nas.local'], 'names'],
    [['pi', 'nas.local'], 'names'],
    [['pi'], null],
    [[], null],
  ])('if it lacks one of the names that are needed: %p', (needed, reason) => {
    expect(findRenewalReason(issued, needed, authority, start)).toBe(reason as 'names' | null)
  })

  const lifetime = 396 * day + day

  test.each([
    ['at its start', start - day, null],
    ['a millisecond before its start', start - day - 1, 'age'],
    ['with a third of its lifetime left', start + 396 * day - lifetime / 3, null],
    ['a millisecond later', start + 396 * day - lifetime / 3 + 1, 'age'],
    ['after its end', start + 500 * day, 'age'],
  ] as const)('by its age: %s', (_, now, reason) => {
    const longBefore = { ...authority, info: { ...authority.info, notBefore: start - 100 * day } }
    expect(findRenewalReason(issued, names, longBefore, now)).toBe(reason)
  })

  test.each([
    ['a day longer', day, null],
    ['more than a day longer', day + 1, 'age'],
    ['no longer', 0, null],
  ] as const)(
    'near the end of its authority only if the next one is valid for %s',
    (_, more, reason) => {
      const ending = endingAt(issued.info.notAfter + more)
      expect(findRenewalReason(issued, names, ending, issued.info.notAfter - 10 * day)).toBe(reason)
    },
  )

  test.each([
    ['is not valid yet', authority.info.notBefore - 1, null],
    ['has become valid', authority.info.notBefore, 'names'],
    ['is about to expire', authority.info.notAfter - 1, 'names'],
    ['has expired', authority.info.notAfter, null],
  ] as const)('not while its authority could not issue a valid one: it %s', (_, now, reason) => {
    expect(findRenewalReason(issued, ['nas.local'], authority, now)).toBe(reason)
  })
})

describe('an issued certificate', () => {
  const issue = async (options: {
    folder: string
    needed?: readonly string[]
    previous?: Leaf | null
    now?: number
    by?: Authority
  }) =>
    await issueLeaf(
      tlsFolder(options.folder),
      options.by ?? authority,
      {
        needed: options.needed ?? names,
        previous: options.previous ?? null,
        now: options.now ?? start,
      },
      random,
    )

  test.each([
    ['for 397 days, from a day ago', start + day, authority, start, start + 397 * day],
    [
      'no earlier than its authority',
      start + 1_000,
      authority,
      start - day + 1_000,
      start + 396 * day + 1_000,
    ],
    [
      'no longer than its authority',
      start + day,
      endingAt(start + 90 * day),
      start,
      start + 90 * day,
    ],
    [
      'from the start of its authority, if the clock was set back',
      start - 5 * day,
      authority,
      start - day,
      start + 396 * day,
    ],
  ])('is valid %s', async (_, now, by, notBefore, notAfter) => {
    using folder = temporaryFolder()
    const { info } = await issue({ folder: folder.path, now, by })
    expect(info).toMatchObject({ notBefore: Math.max(notBefore, start - day), notAfter })
  })

  test('is written with its chain and key into one file, for the owner only, and found again', async () => {
    using folder = temporaryFolder()
    const { leaf: path } = tlsFolder(folder.path)
    const leaf = await issue({ folder: folder.path })
    expect(existsSync(path)).toBeFalse()
    saveLeaf(tlsFolder(folder.path), leaf)
    expect(readFileSync(path, 'utf8')).toBe(leaf.key + leaf.cert)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(findLeaf(tlsFolder(folder.path), authority)).toEqual(leaf)
    expect(parseChain(leaf.cert)[1]?.raw).toEqual(new X509Certificate(authority.cert).raw)
    expect(leaf.info.names).toEqual(names)
  })

  test('is saved together with its authority, in place of the old ones', async () => {
    using folder = temporaryFolder()
    const paths = tlsFolder(folder.path)
    for (const path of [paths.authorityKey, paths.authorityCert, paths.leaf])
      writeFileSync(path, 'old')
    const leaf = await issue({ folder: folder.path })
    saveAuthority(paths, authority, leaf)
    expect(await findAuthority(paths)).toEqual(authority)
    expect(findLeaf(paths, authority)).toEqual(leaf)
    expect(readdirSync(folder.path).sort()).toEqual(['ca.crt', 'ca.key', 'leaf.pem'])
  })

  test('keeps the names of the one before it that are permitted, behind those that are needed', async () => {
    using folder = temporaryFolder()
    const before = leafOf(0, 0)
    const previous = {
      ...before,
      info: { ...before.info, names: ['old.local', 'pi', '10.0.0.9', 'example.org', '8.8.8.8'] },
    }
    const { info } = await issue({ folder: folder.path, previous })
    expect(info.names).toEqual([...names, 'old.local', '10.0.0.9'])
  })

  test.each([
    [97, 100],
    [98, 3],
  ])('with %p names of the one before it has %p names', async (count, total) => {
    using folder = temporaryFolder()
    const old = Array.from({ length: count }, (_, index) => `old-${index}.local`)
    const previous = { ...issued, info: { ...issued.info, names: old } }
    expect((await issue({ folder: folder.path, previous })).info.names).toHaveLength(total)
  })

  test.each([
    ['at its end', 0],
    ['after its end', 1],
  ])('is refused by an authority %s, and nothing is written', async (_, late) => {
    using folder = temporaryFolder()
    const { authorityCert, leaf } = tlsFolder(folder.path)
    const now = start + 50 * day + late
    expect(
      await captureError(issue({ folder: folder.path, now, by: endingAt(start + 50 * day) })),
    ).toMatchObject({
      code: 'unavailable',
      message: `the certificate authority ${authorityCert} has expired`,
      hint: 'create a new one with `snailpass tls renew --authority`, which every device has to install',
    })
    expect(existsSync(leaf)).toBeFalse()
  })
})

const validity = { names, notBefore: start - day, notAfter: start + day }
const own = await createLeafCertificate(authority, validity, random)
const next = await createLeafCertificate(authority, validity, random)

describe('the file of a certificate', () => {
  const hint =
    'remove the file to have a new certificate issued; to use a certificate of your own, set SNAILPASS_TLS=files, SNAILPASS_TLS_CERT and SNAILPASS_TLS_KEY'

  const readBack = (text: string | null) => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'leaf.pem')
    if (text !== null) writeFileSync(path, text)
    try {
      return findLeaf(tlsFolder(folder.path), authority)
    } catch (error) {
      return error
    } finally {
      expect(existsSync(path) ? readFileSync(path, 'utf8') : null).toBe(text)
    }
  }

  test('may be missing', () => {
    expect(readBack(null)).toBeNull()
  })

  test('may have other text before the key', () => {
    expect(readBack(`of pi\n${own.key}${own.cert}`)).toMatchObject(own)
  })

  test.each([
    ['is empty', ''],
    ['has no key', own.cert],
    ['has no certificate', own.key],
    ['has the certificate before the key', own.cert + own.key],
    ['has the key of another certificate', next.key + own.cert],
    ['has a damaged key', own.key.replace(/\n.{20}/, '\nAAAA') + own.cert],
    ['has a damaged certificate', own.key + own.cert.replace(/\n.{20}/, '\nAAAA')],
    ['is cut off', (own.key + own.cert).slice(0, 500)],
  ])('is refused if it %s, and stays as it is', (_, text) => {
    expect(readBack(text)).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/leaf\.pem contains no certificate with its key$/),
      hint,
    })
  })

  test('is refused if another authority of the same name has issued the certificate', async () => {
    using folder = temporaryFolder()
    const other = await createAuthority(
      tlsFolder(folder.path),
      { hostname: 'pi', requested: [], isNewKey: false },
      { clock: fakeClock(start), random },
    )
    const foreign = await createLeafCertificate(other, validity, random)
    expect(readBack(foreign.key + foreign.cert)).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        /leaf\.pem contains a certificate that the certificate authority of this server did not issue$/,
      ),
      hint,
    })
  })
})
