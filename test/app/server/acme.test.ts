import { describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkCertificate } from '../../../src/app/doctor/certificate'
import { findCertificate } from '../../../src/app/operations/certificates'
import { systemRuntime } from '../../../src/app/runtime'
import { acmeConfigOf } from '../../../src/app/server/acme'
import { openTargets } from '../../../src/app/targets'
import { loadConfig } from '../../../src/config/load'
import { dataFolder } from '../../../src/files/data-folder'
import { listKeyFiles, selectKeyFiles } from '../../../src/files/key-files'
import { acmePaths, saveCertificate } from '../../../src/tls/acme/files'
import { captureError } from '../../support/capture-error'
import { createTestAuthority } from '../../support/certificates'
import { temporaryFolder } from '../../support/executable'
import { refuseSyncs } from '../../support/file-operations'
import { createTemporaryFile } from '../../support/settings-file'

function load(environment: Readonly<Record<string, string>>) {
  return loadConfig({ environment, flags: {}, file: null }).settings
}

const production = 'https://acme-v02.api.letsencrypt.org/directory'

describe('the certificate that the settings ask for', () => {
  test("is by default for the host of the public URL, from Let's Encrypt", () => {
    const settings = load({ SNAILPASS_PUBLIC_URL: 'https://Vault.Example.org:8443/path' })
    expect(acmeConfigOf(settings)).toEqual({
      directory: production,
      names: ['vault.example.org'],
      email: null,
      ca: null,
      externalAccount: null,
    })
  })

  test('has the names and the certificate authority of the settings', async () => {
    const { certificate } = await createTestAuthority()
    using ca = createTemporaryFile(certificate)
    const config = acmeConfigOf(
      load({
        SNAILPASS_PUBLIC_URL: 'https://vault.example.org/',
        SNAILPASS_ACME_NAMES: 'a.example.org, MÜLLER.example a.example.org',
        SNAILPASS_ACME_EMAIL: 'you@example.org',
        SNAILPASS_ACME_DIRECTORY: 'https://ca.example.org/directory',
        SNAILPASS_ACME_CA: ca.path,
        SNAILPASS_ACME_EAB_KID: 'kid',
        SNAILPASS_ACME_EAB_KEY: 'c2VjcmV0IGtleQ',
      }),
    )
    expect(config).toMatchObject({
      directory: 'https://ca.example.org/directory',
      names: ['a.example.org', 'xn--mller-kva.example'],
      email: 'you@example.org',
      ca: certificate,
    })
    expect(config.externalAccount?.key.reveal()).toBe('c2VjcmV0IGtleQ')
    expect(JSON.stringify(config)).not.toContain('c2VjcmV0')
  })

  test("can come from the staging environment of Let's Encrypt", () => {
    const settings = load({ SNAILPASS_ACME_NAMES: 'a.example.org', SNAILPASS_ACME_STAGING: 'yes' })
    expect(acmeConfigOf(settings).directory).toBe(
      'https://acme-staging-v02.api.letsencrypt.org/directory',
    )
  })

  test.each([
    [{}, 'the certificate needs a public name'],
    [{ SNAILPASS_PUBLIC_URL: 'http://192.168.1.5:5000/' }, 'the certificate needs a public name'],
    [{ SNAILPASS_PUBLIC_URL: 'http://pi.local/' }, 'the certificate needs a public name'],
    [
      {
        SNAILPASS_ACME_NAMES: 'a.example.org',
        SNAILPASS_LISTEN: 'off',
        SNAILPASS_LISTEN_TLS: '0.0.0.0:443',
      },
      'SNAILPASS_LISTEN is off',
    ],
    [
      { SNAILPASS_ACME_NAMES: 'a.example.org', SNAILPASS_ACME_CA: '/nonexistent/ca.pem' },
      "SNAILPASS_ACME_CA (/nonexistent/ca.pem) can't be used",
    ],
    [
      { SNAILPASS_ACME_NAMES: 'a.example.org', SNAILPASS_ACME_CA: '/dev/null' },
      'it contains no certificate',
    ],
  ])('is refused with a reason: %p', (environment, message) => {
    expect(() => acmeConfigOf(load(environment))).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringContaining(message) }),
    )
  })
})

describe('the saved certificate', () => {
  async function createKeptCertificate(
    names: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ) {
    const folder = temporaryFolder()
    const { certificate: cert, key } = await (await createTestAuthority()).issue({ names })
    saveCertificate(join(folder.path, 'tls'), production, { cert, key })
    const environment = {
      SNAILPASS_TLS: 'acme',
      SNAILPASS_LISTEN_TLS: '0.0.0.0:443',
      SNAILPASS_ACME_NAMES: 'vault.example.org',
      ...more,
    }
    const { settings } = loadConfig({ environment, flags: { dataDir: folder.path }, file: null })
    const files = acmePaths(join(folder.path, 'tls'), production)
    return { settings, path: folder.path, files, [Symbol.dispose]: folder[Symbol.dispose] }
  }

  test('is shown, and is among the secrets of a backup', async () => {
    using setup = await createKeptCertificate(['vault.example.org'])
    expect(await findCertificate(setup.settings)).toMatchObject({
      mode: 'acme',
      isServed: true,
      certificate: { names: ['vault.example.org'], file: setup.files.cert },
      authority: null,
    })
    writeFileSync(setup.files.account, 'the key of the account')
    writeFileSync(`${setup.files.cert}.1.new`, 'an unfinished temporary file')
    const found = listKeyFiles(dataFolder(setup.path))
    const { account, cert, key } = setup.files
    expect(found.map(({ name }) => join(setup.path, name))).toEqual([account, cert, key])
    const backedUp = found.map(({ name, text }) => ({ name, value: text }))
    const others = [
      'secret.key',
      'tls/acme-../x.key',
      'tls/acme-x/../../y.key',
      '../tls/acme-x.key',
    ]
    const foreign = others.map((name) => ({ name, value: '' }))
    expect(selectKeyFiles([...backedUp, ...foreign])).toEqual(found)
  })

  test('is not shown as one of another certificate authority, and the doctor reports that none exists', async () => {
    using setup = await createKeptCertificate(['vault.example.org'], {
      SNAILPASS_ACME_STAGING: 'yes',
    })
    expect((await findCertificate(setup.settings)).certificate).toBeNull()
    expect(await checkCertificate(openTargets(setup.settings, systemRuntime))).toEqual({
      fact: 'none yet',
      findings: [
        {
          what: 'there is no certificate from acme-staging-v02.api.letsencrypt.org yet',
          why: expect.stringContaining('refuse'),
          fix: expect.stringContaining('log'),
        },
      ],
    })
  })

  test.each(['cert', 'key'] as const)(
    'is refused with a hint when its %s is damaged',
    async (which) => {
      using setup = await createKeptCertificate(['vault.example.org'])
      const path = setup.files[which]
      writeFileSync(path, readFileSync(path, 'utf8').replace(/^[A-Za-z0-9]{20}/m, 'AAAA'))
      expect(await captureError(findCertificate(setup.settings))).toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(path),
        hint: expect.stringContaining('restart the server'),
      })
    },
  )

  test('stays intact if the next one can not be saved', async () => {
    using setup = await createKeptCertificate(['vault.example.org'])
    const oldKey = readFileSync(setup.files.key, 'utf8')
    const { certificate: cert, key } = await (await createTestAuthority()).issue({
      names: ['a.example.org'],
    })
    {
      using _ = refuseSyncs(2)
      const save = () => saveCertificate(join(setup.path, 'tls'), production, { cert, key })
      expect(save).toThrow('ENOSPC')
    }
    expect(readFileSync(setup.files.key, 'utf8')).toBe(oldKey)
    const { certificate } = await findCertificate(setup.settings)
    expect(certificate?.names).toEqual(['vault.example.org'])
  })

  test('is checked by the doctor: its end, and its names', async () => {
    using setup = await createKeptCertificate(['other.example.org'])
    const findings = async (later: number) =>
      (
        await checkCertificate(
          openTargets(setup.settings, { ...systemRuntime, clock: () => Date.now() + later }),
        )
      ).findings ?? []
    expect(await findings(0)).toEqual([
      {
        what: `the certificate ${setup.files.cert} is not for vault.example.org`,
        why: expect.any(String),
        fix: expect.stringContaining('SNAILPASS_ACME_NAMES'),
      },
    ])
    expect(await findings(400 * 24 * 3600_000)).toContainEqual({
      what: expect.stringContaining('has expired'),
      why: expect.any(String),
      fix: expect.stringContaining('log'),
    })
  })
})

test.each([
  [{ SNAILPASS_ACME_NAMES: '*.example.org' }, 'invalid name "*.example.org"'],
  [{ SNAILPASS_ACME_NAMES: '203.0.113.7' }, 'invalid name "203.0.113.7"'],
  [{ SNAILPASS_ACME_NAMES: 'pi.local' }, 'invalid name "pi.local"'],
  [{ SNAILPASS_ACME_NAMES: 'localhost' }, 'invalid name "localhost"'],
  [{ SNAILPASS_ACME_NAMES: 'a.example.org:8080' }, 'invalid name "a.example.org:8080"'],
  [{ SNAILPASS_ACME_EMAIL: 'you' }, 'use one email address'],
  [{ SNAILPASS_ACME_EMAIL: 'a@b.org?cc=x@y.org' }, 'use one email address'],
  [
    { SNAILPASS_ACME_DIRECTORY: 'http://ca.example.org/' },
    'invalid SNAILPASS_ACME_DIRECTORY: use a URL',
  ],
  [{ SNAILPASS_ACME_DIRECTORY: 'https://ca/', SNAILPASS_ACME_STAGING: 'yes' }, 'are both set'],
  [{ SNAILPASS_ACME_EAB_KID: 'kid' }, 'are not both set'],
  [{ SNAILPASS_ACME_EAB_KEY: 'c2VjcmV0IGtleQ' }, 'are not both set'],
  [{ SNAILPASS_ACME_EAB_KEY: 'a secret!' }, 'not a key in base64url'],
])('wrong settings for ACME are refused: %p', (environment, message) => {
  const loading = () => load(environment)
  expect(loading).toThrow(
    expect.objectContaining({ code: 'invalid', message: expect.stringContaining(message) }),
  )
  expect(loading).not.toThrow(/secret!|c2VjcmV0/)
})
