import { describe, expect, test } from 'bun:test'
import { inspect } from 'node:util'
import { type ConfigInput, loadConfig } from '../../src/config/load'
import type { SettingValues } from '../../src/config/settings'
import { defaultRateLimits } from '../../src/domain/rate-limits'
import { createTemporaryFile } from '../support/settings-file'

function load(input: Partial<ConfigInput>) {
  return loadConfig({ environment: {}, flags: {}, file: null, ...input })
}

describe('a setting', () => {
  test('has a default that works out of the box', () => {
    const { settings, origins, warnings } = load({ environment: { XDG_DATA_HOME: '/x' } })
    // These depend on the data folder: see default-https.test.ts.
    const { listed, listenTls: _, isTlsDefault: __, ...values } = settings
    expect(listed.map(({ source, secret }) => ({ source, secret }))).toEqual(
      listed.map(() => ({ source: 'default', secret: null })),
    )
    expect(values).toEqual({
      dataDir: process.getuid?.() === 0 ? '/var/lib/snailpass' : '/x/snailpass',
      listen: [
        { hostname: '0.0.0.0', port: 5000 },
        { hostname: '::', port: 5000 },
      ],
      isListenDefault: true,
      listenMetrics: [],
      plainLogins: 'private',
      trustedProxies: [],
      corsOrigins: [],
      tls: 'local',
      tlsCert: null,
      tlsKey: null,
      tlsNames: [],
      tokenSeconds: 600,
      maxBody: 1_048_576,
      logFormat: 'text',
      logLevel: 'info',
      database: null,
      secretKey: null,
      emailConfirmation: 'auto',
      maxVault: 32_000_000,
      listCache: 64_000_000,
      minFreeSpace: 64_000_000,
      rateLimits: defaultRateLimits,
      loginQueue: 256,
      backupDir: null,
      backupSchedule: { hour: 2, minute: 0, jitter: 120 },
      backupKeep: { daily: 7, weekly: 4, monthly: 12 },
      backupEncryptTo: [],
      backupPassphrase: null,
      mdns: false,
      acmeNames: [],
      acmeEmail: null,
      acmeDirectory: null,
      acmeStaging: false,
      acmeCa: null,
      acmeEabKid: null,
      acmeEabKey: null,
      signUps: 'open',
      signUpDomains: [],
      publicUrl: null,
      publicHosts: [],
      linkMinutes: 60,
      unconfirmedDays: 7,
      history: true,
      auditDays: 90,
      mail: null,
    })
    expect(new Set([...origins.values()].map(({ source }) => source))).toEqual(new Set(['default']))
    expect(warnings).toEqual([])
  })

  test('comes from the flag, else the environment, else the file, and knows its origin', () => {
    using file = createTemporaryFile(
      '# comment\nSNAILPASS_LISTEN=[::1]:1\nSNAILPASS_DATA_DIR="/from file"\nSNAILPASS_TOKEN_SECONDS=30\n',
    )
    const { settings, origins } = load({
      file: file.path,
      environment: { SNAILPASS_LISTEN: 'pi.local:2', SNAILPASS_DATA_DIR: '/environment' },
      flags: { dataDir: '/flag' },
    })
    expect(settings).toMatchObject({
      dataDir: '/flag',
      listen: [{ hostname: 'pi.local', port: 2 }],
      tokenSeconds: 30,
    })
    const from = (key: keyof SettingValues) => [origins.get(key)?.source, origins.get(key)?.from]
    expect(from('dataDir')).toEqual(['flag', '--data-dir'])
    expect(from('listen')).toEqual(['environment', 'SNAILPASS_LISTEN'])
    expect(from('tokenSeconds')).toEqual(['file', `SNAILPASS_TOKEN_SECONDS in ${file.path}`])
    expect(from('secretKey')).toEqual(['default', null])
  })

  test('that is empty in the environment is not set', () => {
    const { settings } = load({ environment: { SNAILPASS_SECRET_KEY: '', SNAILPASS_LISTEN: '' } })
    expect(settings).toMatchObject({ secretKey: null, listen: [{ port: 5000 }, { port: 5000 }] })
  })
})

test('every problem is reported at once, by the name that was used', () => {
  using file = createTemporaryFile('SNAILPASS_MAX_BODY=lots\n')
  const loading = () =>
    load({
      file: file.path,
      environment: { SNAILPASS_TOKEN_SECONDS: '-1', SNAILPASS_SECRET_KEY: 'secretkey' },
      flags: { listen: 'nowhere', logFormat: 'xml' },
    })
  expect(loading).toThrow(
    expect.objectContaining({
      code: 'invalid',
      message: [
        'invalid --listen "nowhere": use HOST:PORT or unix:/PATH',
        'invalid --log-format "xml": use text or json',
        'invalid SNAILPASS_SECRET_KEY: shorter than 16 characters',
        'invalid SNAILPASS_TOKEN_SECONDS "-1": use a whole number from 1 to 2592000',
        `invalid SNAILPASS_MAX_BODY "lots" in ${file.path}: use a size such as 64 MB, in KB, MB or GB`,
      ].join('\n'),
      hint: [
        'examples of addresses are 0.0.0.0:5000, [::]:5000 or unix:/run/snailpass/http.sock; several are comma-separated; off means none',
        'remove the secret key: a strong one is created at the first start and kept in the data folder',
      ].join('\n'),
    }),
  )
})

test.each([
  [{ SNAILPASS_LISTEN: 'pi' }, 'invalid SNAILPASS_LISTEN "pi": use HOST:PORT or unix:/PATH'],
  [
    { SNAILPASS_RATE_LIMITS: 'sign-ups=5/1h, foo' },
    'invalid rate limit "foo" in SNAILPASS_RATE_LIMITS: use NAME=COUNT/TIME with a time of at most one day, or off',
  ],
  [
    { SNAILPASS_BACKUP_SCHEDULE: 'weekly' },
    'invalid schedule "weekly" in SNAILPASS_BACKUP_SCHEDULE: use daily, HH:MM or off',
  ],
  [
    { SNAILPASS_BACKUP_KEEP: '7 days\n\u001b[31m' },
    'invalid SNAILPASS_BACKUP_KEEP "7 days [31m": use the form 7 daily, 4 weekly, 12 monthly',
  ],
  [{ SNAILPASS_MAX_VAULT: '1 KB' }, 'invalid SNAILPASS_MAX_VAULT "1 KB": use at least 1 MB'],
  [{ SNAILPASS_MDNS: 'maybe' }, 'invalid SNAILPASS_MDNS "maybe": use yes or no'],
])('an invalid setting is reported with its text and what to use: %p', (environment, message) => {
  expect(() => load({ environment })).toThrow(expect.objectContaining({ code: 'invalid', message }))
})

test.each(['70000', ':x', 'a:b', 'a:70000', '::1:5000', 'http://a:1', '', '[a]b:1'])(
  'a listener has no address like %p',
  (listen) => {
    expect(() => load({ flags: { listen } })).toThrow(/^invalid --listen ".*": use HOST:PORT/)
  },
)

test.each([
  ['SNAILPASS_LISTEN 127.0.0.1:5000', 1],
  ['# a comment\n\nSNAILPASS_MAX_BODY=2000\nnonsense', 4],
  ['\u0000\u0001binary', 1],
])('a settings file with a line that sets nothing is refused: %p', (text, line) => {
  using file = createTemporaryFile(text)
  expect(() => load({ file: file.path })).toThrow(`line ${line} is not NAME=value`)
})

test.each(['', '~', '~/snail'])('a data folder is not %p', (dataDir) => {
  expect(() => load({ flags: { dataDir } })).toThrow(
    `invalid --data-dir "${dataDir}": not a folder`,
  )
})

test('a settings file that can’t be read stops the start', () => {
  expect(() => load({ file: '/nonexistent/file' })).toThrow(
    "can't read the settings file /nonexistent/file: ",
  )
})

test('settings are listed as they were set, with secrets hidden, whether or not they are used', () => {
  using file = createTemporaryFile(
    'SNAILPASS_TOKEN_SECONDS=nonsense\nSNAILPASS_BACKUP_PASSPHRASE=open sesame\n',
  )
  const { listed } = load({
    file: file.path,
    environment: { SNAILPASS_DATABASE_URL: 'postgres://me:hush@db/vaults', MAIL_PASSWORD: 'hush' },
    keys: [],
  }).settings
  const findListed = (name: string) => listed.find((setting) => setting.name === name)
  expect(findListed('SNAILPASS_TOKEN_SECONDS')).toMatchObject({ text: null, source: 'file' })
  expect(findListed('SNAILPASS_LISTEN')).toMatchObject({
    text: '0.0.0.0:5000, [::]:5000',
    source: 'default',
  })
  expect(findListed('SNAILPASS_DATABASE_URL')).toMatchObject({
    text: 'postgres://me:•••@db/vaults',
    source: 'environment',
  })
  expect(findListed('SNAILPASS_BACKUP_PASSPHRASE')?.secret?.reveal()).toBe('open sesame')
  expect(findListed('SNAILPASS_BACKUP_PASSPHRASE')?.text).toBe('•••')
  expect(JSON.stringify(listed)).not.toContain('hush')
})

test.each([
  [
    { SNAILPASS_BACKUP_ENCRYPT_TO: 'age1abc nonsense' },
    'invalid public key "nonsense" in SNAILPASS_BACKUP_ENCRYPT_TO',
  ],
  [
    { SNAILPASS_BACKUP_ENCRYPT_TO: 'AGE-SECRET-KEY-1ABC' },
    'invalid SNAILPASS_BACKUP_ENCRYPT_TO: a private key',
  ],
  [{ SNAILPASS_BACKUP_ENCRYPT_TO: 'age1abc', SNAILPASS_BACKUP_PASSPHRASE: 'x' }, 'are both set'],
  [{ SNAILPASS_BACKUP_DIR: '~/backups' }, 'invalid SNAILPASS_BACKUP_DIR "~/backups": not a folder'],
])('invalid settings for backups are refused: %p', (environment, message) => {
  expect(() => load({ environment })).toThrow(
    expect.objectContaining({ code: 'invalid', message: expect.stringContaining(message) }),
  )
})

test('a secret is hidden unless it is revealed', () => {
  const { settings } = load({ environment: { SNAILPASS_SECRET_KEY: 'a very hush-hush key' } })
  expect(settings.secretKey?.reveal()).toBe('a very hush-hush key')
  const shown = [`${settings.secretKey}`, JSON.stringify(settings), inspect(settings, { depth: 9 })]
  for (const text of shown) expect(text).not.toContain('hush')
})

test('a database across a network is warned about, unless its certificate is verified', () => {
  const warnings = (url: string) => load({ environment: { SNAILPASS_DATABASE_URL: url } }).warnings
  expect(warnings('postgres://me@db.lan/db')).toEqual([
    'others on the network can intercept the unverified connection to Postgres: add ?sslmode=verify-full to SNAILPASS_DATABASE_URL',
  ])
  expect(warnings('postgres://me@localhost,db.lan/db?sslmode=require')).toHaveLength(1)
  expect(warnings('postgres://me@db.lan/db?sslmode=verify-full')).toEqual([])
  expect(warnings('postgres://me@localhost,127.0.0.1,[::1],%2Frun/db')).toEqual([])
})
