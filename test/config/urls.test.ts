import { describe, expect, spyOn, test } from 'bun:test'
import * as os from 'node:os'
import { join } from 'node:path'
import {
  canBeIntercepted,
  formatDatabaseUrl,
  nameOfLocation,
  parseDatabaseUrl,
} from '../../src/config/database-url'
import { connectAddressOf } from '../../src/config/listen-address'
import { endpointsOf } from '../../src/config/listeners'
import { loadConfig } from '../../src/config/load'
import { readSettings, type SettingsInput } from '../../src/config/reading'
import { InvalidSetting } from '../../src/config/values'
import { DomainError } from '../../src/domain/errors'
import { createTemporaryFile } from '../support/settings-file'

/** Returns what work returns, or the message and hint of its error. */
function attempt<T>(work: () => T): T | { message: string; hint: string | null } {
  try {
    return work()
  } catch (error) {
    if (error instanceof InvalidSetting || error instanceof DomainError) {
      return { message: error.message, hint: error.hint }
    }
    throw error
  }
}

describe('a database URL', () => {
  const base = {
    engine: 'postgres',
    hosts: [{ host: 'h', port: 5432 }],
    user: 'me',
    password: null,
    database: 'db',
    tls: { mode: 'prefer', rootCertificate: null, certificate: null, key: null },
    poolSize: 10,
    options: null,
  }
  const hint = 'use sqlite:/path/to/file.db or postgres://user:password@host/database'

  test.each([0, 1, 5432, 65_535])('has a port up to 65535: %p', (port) => {
    const expected = { ...base, hosts: [{ host: 'h', port }] }
    expect<unknown>(parseDatabaseUrl(`postgres://me@h:${port}/db`)).toEqual(expected)
    expect<unknown>(parseDatabaseUrl(`postgres://me@/db?host=h:${port}`)).toEqual(expected)
    expect<unknown>(parseDatabaseUrl(`postgres://me@:${port}/db?host=h`)).toEqual(expected)
  })

  test.each(['h:65536', 'h:999999', 'h:', 'h:x', '[::1', '::1', 'h,h:x', 'a b'])(
    'has no host %p',
    (host) => {
      expect<unknown>(attempt(() => parseDatabaseUrl(`postgres://me@${host}/db`))).toEqual({
        message: 'its host is invalid',
        hint,
      })
    },
  )

  test.each([
    ['1', 1],
    ['1000', 1000],
    ['010', 10],
  ])('has a pool of one to a thousand: %p', (text, poolSize) => {
    const found = parseDatabaseUrl(`postgres://me@h/db?pool_size=${text}`)
    expect<unknown>(found).toEqual({ ...base, poolSize })
  })

  test.each(['0', '1001', '-1', '', '1.5', '10000'])('has no pool of %p', (text) => {
    expect<unknown>(
      attempt(() => parseDatabaseUrl(`postgres://me@h/db?pool_size=${text}`)),
    ).toEqual({ message: 'invalid pool_size', hint: 'use a whole number from 1 to 1000' })
  })

  test.each(['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const)(
    'has the TLS mode %s',
    (mode) => {
      const found = parseDatabaseUrl(`postgres://me@h/db?sslmode=${mode}`)
      expect<unknown>(found).toEqual({ ...base, tls: { ...base.tls, mode } })
    },
  )

  test('has the parameters of libpq, each in its place', () => {
    const text =
      'postgres://me@h/db?sslmode=allow&sslrootcert=/r&sslcert=/c&sslkey=/k&client_encoding=UTF-8&target_session_attrs=primary&options=-cx'
    expect<unknown>(parseDatabaseUrl(text)).toEqual({
      ...base,
      tls: { mode: 'prefer', rootCertificate: '/r', certificate: '/c', key: '/k' },
      options: '-cx',
    })
    for (const [parameter, advice] of [
      ['client_encoding=latin1', 'utf8 or UTF8 or utf-8 or UTF-8'],
      ['target_session_attrs=standby', 'any or read-write or primary'],
    ]) {
      const [name] = parameter?.split('=') ?? []
      const refused = attempt(() => parseDatabaseUrl(`postgres://me@h/db?${parameter}`))
      expect<unknown>(refused).toEqual({
        message: `unsupported ${name}`,
        hint: `remove it, or use ${advice}`,
      })
    }
    expect<unknown>(attempt(() => parseDatabaseUrl('postgres://me@h/db?colour=red'))).toEqual({
      message: 'unknown parameter',
      hint: 'supported parameters are host, sslmode, sslrootcert, sslcert, sslkey, target_session_attrs, client_encoding, options, pool_size',
    })
    expect<unknown>(attempt(() => parseDatabaseUrl('postgres://me@h/db?sslmode=x'))).toEqual({
      message: 'unknown sslmode',
      hint: 'use one of disable, prefer, require, verify-ca, verify-full',
    })
  })

  test.each([
    ['', 'it is empty', `${hint}, or remove the setting to use the data folder`],
    ['x', 'not a database URL', hint],
    ['postgres://h/db', 'it names no user', hint],
    ['postgres://me@h', 'it names no database', hint],
    ['postgres://me@h/', 'it names no database', hint],
    [
      'postgres://me@a/db?host=b',
      'it names hosts twice',
      'name them before the database or with host=, not both',
    ],
    ['sqlite://x', 'it names no SQLite file', 'use sqlite:/path/to/file.db'],
    ['sqlite:', 'a database in memory would lose everything', 'use sqlite:/path/to/file.db'],
    ['sqlite:/a?b', 'parameters are not supported for SQLite', 'remove everything from the ? on'],
    [
      'postgres://me:%@h/db',
      'a % is not followed by two hexadecimal digits',
      'write % itself as %25',
    ],
  ])('is not %p, with what to use', (text, message, advice) => {
    expect<unknown>(attempt(() => parseDatabaseUrl(text))).toEqual({ message, hint: advice })
  })

  test.each([
    ['postgres://me@h:5433,[::1]:1,%2Frun%2Fpg/db', 'postgres://h:5433,[::1]:1,/run/pg/db'],
    ['postgres://me:secret@h:5432/db?pool_size=3', 'postgres://h/db'],
    ['sqlite:/a/b.db', '/a/b.db'],
  ])('%p is named without user and password: %p', (text, name) => {
    expect(nameOfLocation(parseDatabaseUrl(text))).toBe(name)
  })

  test.each([
    'postgres://me:•••@h/db',
    'postgres://me@h:5433/db?sslmode=require&sslcert=/c&sslkey=/k&pool_size=11',
    'sqlite:/a/b.db',
  ])('%p is written as it was, without defaults', (text) => {
    expect(formatDatabaseUrl(parseDatabaseUrl(text))).toBe(text)
    const defaults = text.startsWith('postgres')
      ? `${text}${text.includes('?') ? '&' : '?'}client_encoding=utf8`
      : text
    expect(formatDatabaseUrl(parseDatabaseUrl(defaults))).toBe(text)
  })

  test.each([
    ['postgres://me@h/db', true],
    ['postgres://me@localhost/db', false],
    ['postgres://me@127.1.2.3/db', false],
    ['postgres://me@[::1]/db', false],
    ['postgres://me@[::12]/db', true],
    ['postgres://me@localhost.lan/db', true],
    ['postgres://me@%2Frun/db', false],
    ['postgres://me@localhost,h/db', true],
    ['postgres://me@h/db?sslmode=require', true],
    ['postgres://me@h/db?sslmode=verify-ca', false],
    ['postgres://me@h/db?sslmode=verify-full', false],
    ['sqlite:/a', false],
  ])('%p can be intercepted: %p', (text, isInterceptable) => {
    expect(canBeIntercepted(parseDatabaseUrl(text))).toBe(isInterceptable)
    expect(canBeIntercepted(null)).toBeFalse()
  })
})

describe('a mail URL', () => {
  const load = (environment: Record<string, string>) =>
    attempt(() => {
      const from = { SNAILPASS_MAIL_FROM: 'vault@nas.lan' }
      const { mail } = loadConfig({
        environment: { ...from, ...environment },
        flags: {},
        file: null,
      }).settings
      return mail === null ? null : { ...mail, password: mail.password?.reveal() ?? null }
    })
  const sender = { name: '', address: 'vault@nas.lan' }
  const from = { from: sender, ca: null, ehloName: 'nas.lan' }
  const hint =
    'use smtps://USER:PASSWORD@HOST:465; in user and password, write @ as %40, : as %3A and / as %2F'

  test.each([1, 25, 65_535])('has a port up to 65535: %p', (port) => {
    for (const [name, host] of [
      ['mail.lan', 'mail.lan'],
      ['[fd00::10]', 'fd00::10'],
    ]) {
      expect<unknown>(load({ SNAILPASS_MAIL_URL: `smtps://${name}:${port}` })).toEqual({
        ...{ host, port, security: 'tls', user: null, password: null, ...from },
      })
    }
  })

  test.each(['smtps://a:65536', 'smtps://a:123456', 'smtps://a:', 'smtp://a/b', 'smtps://', 'x'])(
    'is not %p',
    (text) => {
      expect<unknown>(load({ SNAILPASS_MAIL_URL: text })).toEqual({
        message: 'invalid SNAILPASS_MAIL_URL: not a mail URL',
        hint,
      })
    },
  )

  test('has both user and password, which may be empty, or neither', () => {
    expect<unknown>(load({ SNAILPASS_MAIL_URL: 'smtps://me@a' })).toEqual({
      message: 'invalid SNAILPASS_MAIL_URL: it has a user but no password',
      hint,
    })
    expect<unknown>(load({ SNAILPASS_MAIL_URL: 'smtps://me:@a' })).toEqual({
      ...{ host: 'a', port: 465, security: 'tls', user: 'me', password: '', ...from },
    })
  })

  const account = { MAIL_USERNAME: 'me', MAIL_PASSWORD: 'x' }
  const legacy = { host: 'smtp.googlemail.com', user: 'me', password: 'x', ...from }

  test.each<[Record<string, string>, number, string]>([
    [{}, 465, 'tls'],
    [{ MAIL_PORT: '25' }, 25, 'tls'],
    [{ MAIL_PORT: '587' }, 587, 'starttls'],
    [{ MAIL_PORT: '587', MAIL_USE_SSL: 'yes' }, 587, 'tls'],
    [{ MAIL_PORT: '587', MAIL_USE_TLS: 'no' }, 587, 'tls'],
    [{ MAIL_USE_TLS: 'yes' }, 587, 'starttls'],
    [{ MAIL_USE_TLS: 'no' }, 465, 'tls'],
    [{ MAIL_USE_SSL: 'yes' }, 465, 'tls'],
    [{ MAIL_USE_SSL: 'yes', MAIL_USE_TLS: 'no' }, 465, 'tls'],
    [{ MAIL_USE_SSL: 'no', MAIL_USE_TLS: 'yes' }, 587, 'starttls'],
    [{ MAIL_USE_SSL: 'no', SNAILPASS_MAIL_ALLOW_PLAIN: 'yes' }, 587, 'opportunistic'],
    [{ MAIL_USE_TLS: 'yes', SNAILPASS_MAIL_ALLOW_PLAIN: 'yes' }, 587, 'opportunistic'],
    [{ SNAILPASS_MAIL_ALLOW_PLAIN: 'yes' }, 465, 'tls'],
  ])("of the original server's settings %p has port %p and %s", (settings, port, security) => {
    expect<unknown>(load({ ...account, ...settings })).toEqual({ ...legacy, port, security })
  })

  test.each<[Record<string, string>, string, string]>([
    [
      { MAIL_USERNAME: 'me' },
      'MAIL_PASSWORD is missing',
      'set both MAIL_USERNAME and MAIL_PASSWORD, or neither',
    ],
    [
      { MAIL_SERVER: 'a', MAIL_PASSWORD: 'x' },
      'MAIL_USERNAME is missing',
      'set both MAIL_USERNAME and MAIL_PASSWORD, or neither',
    ],
    [
      { ...account, MAIL_USE_SSL: 'yes', MAIL_USE_TLS: 'yes' },
      'MAIL_USE_SSL and MAIL_USE_TLS are both on',
      'turn one of them off',
    ],
    [
      { ...account, MAIL_USE_SSL: 'no' },
      'MAIL_USE_SSL and MAIL_USE_TLS are off, so emails would be sent unencrypted',
      'turn one of them on, or allow it with SNAILPASS_MAIL_ALLOW_PLAIN=yes',
    ],
    ...(['MAIL_SERVER', 'MAIL_USERNAME'] as const).map(
      (name): [Record<string, string>, string, string] => [
        { SNAILPASS_MAIL_URL: 'smtps://a', [name]: 'b' },
        'SNAILPASS_MAIL_URL is set, but MAIL_SERVER or MAIL_USERNAME is set too',
        'remove one of them',
      ],
    ),
    ...['MAIL_PORT', 'MAIL_PASSWORD', 'MAIL_USE_SSL', 'MAIL_USE_TLS', 'SNAILPASS_MAIL_FROM'].map(
      (name): [Record<string, string>, string, string] => [
        {
          SNAILPASS_MAIL_FROM: '',
          [name]: { MAIL_PORT: '25', SNAILPASS_MAIL_FROM: 'a@b' }[name] ?? 'no',
        },
        'the mail settings are incomplete: no mail server is set',
        'set SNAILPASS_MAIL_URL, or MAIL_USERNAME and MAIL_PASSWORD; or remove every MAIL_ setting',
      ],
    ),
    [
      { SNAILPASS_MAIL_URL: 'smtps://me:x@a', SNAILPASS_MAIL_FROM: '' },
      'SNAILPASS_MAIL_FROM is missing',
      'set it to the email address of the sender',
    ],
  ])('of %p is refused: %s', (settings, message, advice) => {
    expect<unknown>(load(settings)).toEqual({ message, hint: advice })
  })
})

describe('combinations of settings', () => {
  const load = (environment: Record<string, string>) =>
    attempt(() => loadConfig({ environment, flags: {}, file: null }).warnings)
  const eab = {
    message: 'SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY are not both set',
    hint: 'set both, as the certificate authority shows them, or neither',
  }
  const tlsFiles = 'set both to PEM files: the certificate chain and its private key'
  const directory = 'https://ca.example.org/acme'
  const unusedDomains = 'SNAILPASS_SIGNUPS_DOMAINS has no effect unless SNAILPASS_SIGNUPS is open'
  const unusedTls = 'SNAILPASS_TLS has no effect unless SNAILPASS_LISTEN_TLS is set'
  const listenTls = { SNAILPASS_LISTEN_TLS: '0.0.0.0:5443' }

  test.each<[Record<string, string>, unknown]>([
    [
      { SNAILPASS_LISTEN: 'off' },
      {
        message: 'SNAILPASS_LISTEN is off, and SNAILPASS_LISTEN_TLS is not set',
        hint: 'set one of them to an address',
      },
    ],
    [{ SNAILPASS_LISTEN: 'off', ...listenTls }, []],
    [
      { SNAILPASS_BACKUP_ENCRYPT_TO: 'age1abc', SNAILPASS_BACKUP_PASSPHRASE: 'x' },
      {
        message: 'SNAILPASS_BACKUP_ENCRYPT_TO and SNAILPASS_BACKUP_PASSPHRASE are both set',
        hint: 'remove one of them: a backup is encrypted with keys or with a passphrase',
      },
    ],
    [{ SNAILPASS_BACKUP_ENCRYPT_TO: 'age1abc' }, []],
    [{ SNAILPASS_BACKUP_PASSPHRASE: 'x' }, []],
    [
      { SNAILPASS_ACME_STAGING: 'yes', SNAILPASS_ACME_DIRECTORY: directory },
      {
        message: 'SNAILPASS_ACME_STAGING and SNAILPASS_ACME_DIRECTORY are both set',
        hint: "remove one of them: the staging environment is Let's Encrypt's",
      },
    ],
    [{ SNAILPASS_ACME_STAGING: 'yes' }, []],
    [{ SNAILPASS_ACME_STAGING: 'no', SNAILPASS_ACME_DIRECTORY: directory }, []],
    [{ SNAILPASS_ACME_EAB_KID: 'x' }, eab],
    [{ SNAILPASS_ACME_EAB_KEY: 'abcdefgh' }, eab],
    [{ SNAILPASS_ACME_EAB_KID: 'x', SNAILPASS_ACME_EAB_KEY: 'abcdefgh' }, []],
    [
      { SNAILPASS_TLS: 'files' },
      {
        message: 'SNAILPASS_TLS is files, but SNAILPASS_TLS_CERT and SNAILPASS_TLS_KEY are not set',
        hint: tlsFiles,
      },
    ],
    [
      { SNAILPASS_TLS: 'files', SNAILPASS_TLS_KEY: '/k' },
      { message: 'SNAILPASS_TLS is files, but SNAILPASS_TLS_CERT is not set', hint: tlsFiles },
    ],
    [
      { SNAILPASS_TLS: 'acme', SNAILPASS_TLS_CERT: '/c' },
      {
        message: 'SNAILPASS_TLS_CERT is set, but SNAILPASS_TLS is acme',
        hint: 'set SNAILPASS_TLS=files to use that certificate, or remove SNAILPASS_TLS_CERT',
      },
    ],
    [{ SNAILPASS_TLS: 'acme' }, [unusedTls]],
    [{ SNAILPASS_TLS: 'acme', ...listenTls }, []],
    [{ SNAILPASS_SIGNUPS: 'invited', SNAILPASS_SIGNUPS_DOMAINS: 'a.example' }, [unusedDomains]],
    [{ SNAILPASS_SIGNUPS: 'closed', SNAILPASS_SIGNUPS_DOMAINS: 'a.example' }, [unusedDomains]],
    [{ SNAILPASS_SIGNUPS: 'open', SNAILPASS_SIGNUPS_DOMAINS: 'a.example' }, []],
    [{ SNAILPASS_SIGNUPS: 'invited' }, []],
    [
      { SNAILPASS_EMAIL_CONFIRMATION: 'required' },
      [
        'emails must be confirmed, but no mail server is set: confirm each account with `snailpass user confirm`',
      ],
    ],
    [{ SNAILPASS_EMAIL_CONFIRMATION: 'off' }, []],
  ])('%p: %p', (environment, outcome) => {
    expect<unknown>(load(environment)).toEqual(outcome)
  })
})

test('an invalid mail setting is reported alone: the others would seem to be incomplete', () => {
  const environment = { MAIL_USERNAME: 'me', MAIL_PASSWORD: 'x', MAIL_PORT: '0' }
  expect(() => loadConfig({ environment, flags: {}, file: null })).toThrow(
    expect.objectContaining({
      message: 'invalid MAIL_PORT "0": use a whole number from 1 to 65535',
      hint: null,
    }),
  )
  const missing = { MAIL_USERNAME: 'me', MAIL_PASSWORD_FILE: '/proc/self/missing' }
  expect(() => loadConfig({ environment: missing, flags: {}, file: null })).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/^invalid MAIL_PASSWORD_FILE \(\/proc\/self\/missing\): .*$/),
    }),
  )
})

test('endpoints are those for HTTP, then those for HTTPS', () => {
  const at = (hostname: string, port: number) => ({ hostname, port })
  const listen = [at('a', 1), { path: '/x' }]
  expect(endpointsOf({ listen, listenTls: [at('b', 2)] })).toEqual([
    { address: at('a', 1), isTls: false },
    { address: { path: '/x' }, isTls: false },
    { address: at('b', 2), isTls: true },
  ])
})

test.each([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
  ['192.168.1.5', '192.168.1.5'],
  ['localhost', 'localhost'],
])('a listener at %p is reached at %p', (hostname, reached) => {
  expect(connectAddressOf({ hostname, port: 5 })).toEqual({ hostname: reached, port: 5 })
})

describe('the default data folder', () => {
  const dataDirFor = (uid: number, environment: Record<string, string>) => {
    const spy = spyOn(process, 'getuid').mockReturnValue(uid)
    try {
      return loadConfig({ environment, flags: {}, file: null }).settings.dataDir
    } finally {
      spy.mockRestore()
    }
  }
  const inHome = join(os.homedir(), '.local', 'share', 'snailpass')

  test.each<[number, Record<string, string>, string]>([
    [0, {}, '/var/lib/snailpass'],
    [0, { XDG_DATA_HOME: '/x' }, '/var/lib/snailpass'],
    [1000, { XDG_DATA_HOME: '/x' }, '/x/snailpass'],
    [1000, { XDG_DATA_HOME: 'relative' }, inHome],
    [1000, { XDG_DATA_HOME: '' }, inHome],
    [1000, {}, inHome],
    [1000, { XDG_DATA_HOME: '/x', SNAILPASS_DATA_DIR: '/y' }, '/y'],
  ])('of the user %p with %p is %p', (uid, environment, dataDir) => {
    expect(dataDirFor(uid, environment)).toBe(dataDir)
  })

  /** Runs work as a user without a home folder: the system knows none, or an unusable one. */
  const withHome = <T>(home: () => string, work: () => T): T => {
    const spies = [
      spyOn(process, 'getuid').mockReturnValue(54_321),
      spyOn(os, 'homedir').mockImplementation(home),
    ]
    try {
      return work()
    } finally {
      for (const spy of spies) spy.mockRestore()
    }
  }
  const unknownUser = () => {
    throw Object.assign(new Error('ENOENT: no such file or directory, uv_os_homedir'), {
      code: 'ENOENT',
    })
  }
  const load = (input: Partial<SettingsInput> = {}) =>
    readSettings({ environment: {}, flags: {}, file: null, ...input })

  test.each([
    ['unknown', unknownUser],
    ['empty', () => ''],
    ['relative', () => 'home/ann'],
  ])('does not exist for a user whose home folder is %s, so that it must be named', (_, home) => {
    withHome(home, () => {
      const { error, origins, settings } = load()
      expect(error).toMatchObject({
        code: 'invalid',
        message: 'SNAILPASS_DATA_DIR is not set, and this user has no home folder',
        hint: 'name the data folder with --data-dir or SNAILPASS_DATA_DIR',
      })
      expect(origins.get('dataDir')).toMatchObject({
        ...{ source: 'default', displayValue: null, problem: 'this user has no home folder' },
      })
      expect(settings.listed.find(({ name }) => name === 'SNAILPASS_DATA_DIR')?.text).toBeNull()
      // Any way to name it will do, and what does not need it works without.
      for (const input of [
        { flags: { dataDir: '/y' } },
        { environment: { SNAILPASS_DATA_DIR: '/y' } },
      ])
        expect(load(input)).toMatchObject({ error: null, settings: { dataDir: '/y' } })
      expect(load({ environment: { XDG_DATA_HOME: '/x' } })).toMatchObject({
        ...{ error: null, settings: { dataDir: '/x/snailpass' } },
      })
      expect(load({ keys: ['listen'] }).error).toBeNull()
    })
  })
})

test('each setting is listed with its text and source, and only a secret with its value', () => {
  const { listed } = loadConfig({
    environment: { SNAILPASS_LISTEN: 'A.lan:1', SNAILPASS_SECRET_KEY: 'a key of 19 characters' },
    flags: { dataDir: '/x' },
    file: null,
  }).settings
  const found = (name: string) => {
    const setting = listed.find((each) => each.name === name)
    return { ...setting, secret: setting?.secret?.reveal() ?? null }
  }
  const entry = (name: string, text: string, source: string, secret: string | null = null) =>
    expect<unknown>(found(name)).toEqual({ name, text, source, secret })
  entry('SNAILPASS_DATA_DIR', '/x', 'flag')
  entry('SNAILPASS_LISTEN', 'A.lan:1', 'environment')
  entry('SNAILPASS_SECRET_KEY', '•••', 'environment', 'a key of 19 characters')
  // A default is shown as its value, or in words if it has none.
  entry('SNAILPASS_TOKEN_SECONDS', '600', 'default')
  entry('SNAILPASS_BACKUP_SCHEDULE', 'daily', 'default')
  entry('SNAILPASS_PUBLIC_HOSTS', 'none', 'default')
  entry('SNAILPASS_DATABASE_URL', 'a SQLite file in the data folder', 'default')
})

test('a file with a secret has at most 64 KiB', () => {
  for (const [length, isAccepted] of [
    [64 * 1024, true],
    [64 * 1024 + 1, false],
  ] as const) {
    const text = 'x'.repeat(length)
    using file = createTemporaryFile(text)
    const environment = { SNAILPASS_SECRET_KEY_FILE: file.path }
    const read = () =>
      loadConfig({ environment, flags: {}, file: null }).settings.secretKey?.reveal()
    expect<unknown>(attempt(read)).toEqual(
      isAccepted
        ? text
        : {
            message: `invalid SNAILPASS_SECRET_KEY_FILE (${file.path}): the file is larger than 64 KiB`,
            hint: 'name a file that contains only the secret',
          },
    )
  }
})
