import { describe, expect, test } from 'bun:test'
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from '@peculiar/asn1-x509'
import { BasicConstraintsExtension, Extension, X509CertificateGenerator } from '@peculiar/x509'
import { privateNetworks } from '../../../src/domain/networks'
import { replaceFiles } from '../../../src/files/file-replacement'
import { createAuthority, findAuthority, notYetValidError } from '../../../src/tls/local/authority'
import { tlsFolder } from '../../../src/tls/local/folder'
import { constraintsFor } from '../../../src/tls/local/names'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import { fakeClock, random } from '../../support/timing'

const start = Date.UTC(2026, 10, 23, 16, 31, 4)
const day = 24 * 3600_000
const hint =
  'restore both files of the certificate authority from a copy, or with `snailpass restore --with-secrets`; if they are lost, create a new one with `snailpass tls renew --authority`, which every device has to install'

/** Returns an empty folder for an authority. */
function createTestFolder() {
  const temporary = temporaryFolder()
  return { ...tlsFolder(temporary.path), [Symbol.dispose]: temporary[Symbol.dispose] }
}

/** Creates an authority and saves it without a certificate for a server. */
const create = async (
  folder: ReturnType<typeof tlsFolder>,
  options: { now?: number; isNewKey?: boolean; requested?: readonly string[] } = {},
) => {
  const authority = await createAuthority(
    folder,
    {
      hostname: 'pi',
      requested: options.requested ?? [],
      isNewKey: options.isNewKey ?? false,
    },
    { clock: fakeClock(options.now ?? start), random },
  )
  replaceFiles(folder.path, [
    { name: 'ca.key', text: authority.key },
    { name: 'ca.crt', text: authority.cert },
    { name: 'leaf.pem', text: null },
  ])
  return authority
}

const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ed25519 = generateKeyPairSync('ed25519').privateKey

describe('a new authority', () => {
  test('is valid from a day ago for 3652 days, and found again as it is', async () => {
    using folder = createTestFolder()
    const authority = await create(folder, { requested: ['nas'] })
    expect(authority.info).toMatchObject({
      notBefore: start - day,
      notAfter: start + 3652 * day,
    })
    expect(authority.constraints).toEqual(constraintsFor('pi', ['nas']))
    expect(authority.constraints.networks).toEqual(privateNetworks)
    expect(await findAuthority(folder)).toEqual(authority)
    expect(readFileSync(folder.authorityCert, 'utf8')).toBe(authority.cert)
    expect(readFileSync(folder.authorityKey, 'utf8')).toBe(authority.key)
    for (const path of [folder.authorityCert, folder.authorityKey])
      expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['2025-12-31T23:59:59.999Z', false],
    ['2026-01-01T00:00:00.000Z', true],
  ])('is created by a clock that shows %s: %p', async (time, isCreated) => {
    using folder = createTestFolder()
    const error = await captureError(create(folder, { now: Date.parse(time) }))
    expect(existsSync(folder.authorityCert)).toBe(isCreated)
    expect(existsSync(folder.authorityKey)).toBe(isCreated)
    if (isCreated) return expect(error).toBeNull()
    expect(error).toMatchObject({
      code: 'unavailable',
      message: `the clock of this machine is wrong: it shows ${time}`,
      hint: 'set the clock, for example with `timedatectl set-ntp true`; certificates need the right time',
    })
  })

  test('uses a key without a certificate again, unless a new one is asked for', async () => {
    using folder = createTestFolder()
    const first = await create(folder)
    expect((await create(folder)).key).toBe(first.key)
    expect((await create(folder, { isNewKey: true })).key).not.toBe(first.key)
    expect(readFileSync(folder.authorityKey, 'utf8')).not.toBe(first.key)
  })

  test.each([
    ['P-384', pemOf(p384), 'contains a key of another type'],
    ['RSA', pemOf(rsa), 'contains a key of another type'],
    ['Ed25519', pemOf(ed25519), 'contains a key of another type'],
    ['no key', 'nonsense', 'contains no private key'],
  ])(
    'does not replace a file with another key (%s) that it can not use',
    async (_, text, problem) => {
      using folder = createTestFolder()
      writeFileSync(folder.authorityKey, text)
      expect(await captureError(create(folder))).toMatchObject({
        code: 'unavailable',
        message: `${folder.authorityKey} ${problem}`,
        hint,
      })
      expect(readFileSync(folder.authorityKey, 'utf8')).toBe(text)
      expect(readdirSync(folder.path)).toEqual(['ca.key'])
      // A new key was asked for, so the file is replaced.
      await create(folder, { isNewKey: true })
      expect(await findAuthority(folder)).not.toBeNull()
    },
  )
})

describe('the files of an authority', () => {
  const refusal = (message: string) => ({ code: 'unavailable', message, hint })

  test('may all be missing, and so may the certificate alone', async () => {
    using folder = createTestFolder()
    expect(await findAuthority(folder)).toBeNull()
    await create(folder)
    rmSync(folder.authorityCert)
    expect(await findAuthority(folder)).toBeNull()
    writeFileSync(folder.leaf, '')
    expect(await findAuthority(folder)).toBeNull()
  })

  test('are missed if the certificate of a server is left, or the certificate of the authority', async () => {
    using folder = createTestFolder()
    writeFileSync(folder.leaf, '')
    expect(await captureError(findAuthority(folder))).toMatchObject(
      refusal(
        `${folder.authorityCert} and its key are missing, although ${folder.leaf} shows that they existed`,
      ),
    )
    rmSync(folder.leaf)
    await create(folder)
    rmSync(folder.authorityKey)
    expect(await captureError(findAuthority(folder))).toMatchObject(
      refusal(`${folder.authorityKey} is missing`),
    )
  })

  test('are refused if the key is of another authority', async () => {
    using folder = createTestFolder()
    using other = createTestFolder()
    await create(folder)
    writeFileSync(folder.authorityKey, (await create(other)).key)
    expect(await captureError(findAuthority(folder))).toMatchObject(
      refusal(`${folder.authorityKey} does not belong to ${folder.authorityCert}`),
    )
  })

  test.each([
    ['authorityCert', '', 'certificate'],
    [
      'authorityCert',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      'certificate',
    ],
    ['authorityKey', '', 'private key'],
    ['authorityKey', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', 'private key'],
  ] as const)('are refused if the %s is %p', async (file, text, what) => {
    using folder = createTestFolder()
    await create(folder)
    writeFileSync(folder[file], text)
    const error = await captureError(findAuthority(folder))
    expect(error).toMatchObject({
      ...refusal(`${folder[file]} contains no ${what}`),
      cause: expect.any(Error),
    })
    // The cause of a damaged key may contain a part of it, so only its message is kept.
    expect(String(error)).not.toContain('AAAA')
  })

  const domain = new GeneralName({ dNSName: 'local' })
  const network = new GeneralName({ iPAddress: '10.0.0.0/8' })

  /** Writes an authority of another kind: with another key, or other extensions. */
  async function writeForeign(
    folder: ReturnType<typeof tlsFolder>,
    options: {
      algorithm?: object
      isAuthority?: boolean
      isCritical?: boolean
      permitted?: readonly GeneralName[] | null
    },
  ) {
    const algorithm = {
      name: 'ECDSA',
      namedCurve: 'P-256',
      hash: 'SHA-256',
      ...options.algorithm,
    } as EcKeyGenParams & EcdsaParams
    const { isAuthority = true, isCritical = true, permitted = [domain, network] } = options
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    const permittedSubtrees =
      permitted === null
        ? undefined
        : new GeneralSubtrees(permitted.map((base) => new GeneralSubtree({ base })))
    const constraints = new NameConstraints(
      permittedSubtrees === undefined
        ? { excludedSubtrees: new GeneralSubtrees([new GeneralSubtree({ base: domain })]) }
        : { permittedSubtrees },
    )
    const certificate = await X509CertificateGenerator.createSelfSigned(
      {
        name: 'CN=Foreign',
        notBefore: new Date(start),
        notAfter: new Date(start + day),
        keys,
        signingAlgorithm: algorithm,
        extensions: [
          new BasicConstraintsExtension(isAuthority, undefined, true),
          new Extension(id_ce_nameConstraints, isCritical, AsnConvert.serialize(constraints)),
        ],
      },
      crypto,
    )
    writeFileSync(folder.authorityCert, certificate.toString('pem'))
    const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey))
    writeFileSync(
      folder.authorityKey,
      pemOf(createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })),
    )
  }

  test('may have been created by another program, with the same limits', async () => {
    using folder = createTestFolder()
    await writeForeign(folder, {})
    expect((await findAuthority(folder))?.constraints).toEqual({
      domains: ['local'],
      networks: ['10.0.0.0/8'],
    })
  })

  test.each([
    ['a key on another curve', { algorithm: { namedCurve: 'P-384' } }],
    ['no right to issue certificates', { isAuthority: false }],
    ['limits that clients may ignore', { isCritical: false }],
    ['no limit for domains', { permitted: [network] }],
    ['no limit for networks', { permitted: [domain] }],
    ['no limit', { permitted: [] }],
    ['only exceptions', { permitted: null }],
  ])('are refused if the authority has %s', async (_, options) => {
    using folder = createTestFolder()
    await writeForeign(folder, options)
    expect(await captureError(findAuthority(folder))).toMatchObject(
      refusal(`${folder.authorityCert} is not a certificate authority that snailpass created`),
    )
  })
})

test.each([
  ['a millisecond before', -1, true],
  ['at', 0, false],
  ['a millisecond after', 1, false],
])('an authority is not valid yet: %s its start', async (_, late, isEarly) => {
  using folder = createTestFolder()
  const authority = await create(folder)
  const error = notYetValidError(authority, start - day + late)
  if (!isEarly) return expect(error).toBeNull()
  expect(error).toMatchObject({
    code: 'unavailable',
    message:
      'the certificate authority is not valid before 2026-11-22, and the clock of this machine shows 2026-11-22',
    hint: 'if the clock is wrong, set it, for example with `timedatectl set-ntp true`; if it was wrong when the certificate authority was created, create a new one with `snailpass tls renew --authority`, which every device has to install',
  })
})
