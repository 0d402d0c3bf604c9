import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type ConfigInput, createChildEnvironment, loadConfig } from '../../src/config/load'
import { readSettings } from '../../src/config/reading'
import { fileVariantOf } from '../../src/config/secret-file'
import { settingKeys, settingTable } from '../../src/config/settings'
import { formatSettingValue } from '../../src/config/settings-syntax'
import { temporaryFolder } from '../support/executable'
import { listOpenFiles } from '../support/open-files'
import { createTemporaryFile } from '../support/settings-file'

function load(input: Partial<ConfigInput>) {
  return loadConfig({ environment: {}, flags: {}, file: null, ...input })
}

const key = 'a key of 16 characters'
const otherKey = 'another of 16 characters'

describe('a secret in a file of its own', () => {
  test.each([
    ['without a line end', key],
    ['with one', `${key}\n`],
    ['with one of Windows', `${key}\r\n`],
    ['with a byte order mark', `\uFEFF${key}\n`],
  ])('is its content: %s', (_name, content) => {
    using secret = createTemporaryFile(content)
    const { settings, origins } = load({ environment: { SNAILPASS_SECRET_KEY_FILE: secret.path } })
    expect(settings.secretKey?.reveal()).toBe(key)
    expect(origins.get('secretKey')).toMatchObject({
      source: 'environment',
      name: 'SNAILPASS_SECRET_KEY_FILE',
      from: `SNAILPASS_SECRET_KEY_FILE (${secret.path})`,
    })
  })

  test('keeps every line end but the last, and every space', () => {
    using secret = createTemporaryFile(` two\nlines of it \n\n`)
    const { settings } = load({ environment: { SNAILPASS_SECRET_KEY_FILE: secret.path } })
    expect(settings.secretKey?.reveal()).toBe(' two\nlines of it \n')
  })

  test('is possible for every secret setting, and no other', () => {
    using secret = createTemporaryFile('postgres://me:pass word@localhost/db')
    using mail = createTemporaryFile('smtps://me%40nas.lan:x@mail.lan')
    const environment = {
      SNAILPASS_DATABASE_URI_FILE: secret.path,
      SNAILPASS_MAIL_URL_FILE: mail.path,
    }
    const { settings: read, origins } = load({ environment })
    expect(read.database).toMatchObject({ engine: 'postgres', database: 'db' })
    expect(read.mail?.host).toBe('mail.lan')
    expect(origins.get('database')?.name).toBe('SNAILPASS_DATABASE_URI_FILE')
    using password = createTemporaryFile('letmein')
    const legacyMail = { MAIL_USERNAME: 'me@nas.lan', MAIL_PASSWORD_FILE: password.path }
    expect(load({ environment: legacyMail }).settings.mail?.password?.reveal()).toBe('letmein')
    const secrets = settingKeys.filter((name) => settingTable[name].isSecret === true)
    expect(secrets).toEqual([
      'database',
      'secretKey',
      'backupPassphrase',
      'acmeEabKey',
      'mailUrl',
      'mailPassword',
    ])
    expect(load({ environment: { SNAILPASS_MAX_BODY_FILE: secret.path } }).warnings).toEqual([
      'SNAILPASS_MAX_BODY_FILE is set, but there is no such setting',
    ])
  })

  test('can be named in the settings file, which the environment overrides', () => {
    using secret = createTemporaryFile(key)
    using other = createTemporaryFile(otherKey)
    using file = createTemporaryFile(`SNAILPASS_SECRET_KEY_FILE=${secret.path}\n`)
    const keyWith = (environment: Record<string, string>) =>
      load({ file: file.path, environment }).settings.secretKey?.reveal()
    expect(keyWith({})).toBe(key)
    expect(keyWith({ SNAILPASS_SECRET_KEY: otherKey })).toBe(otherKey)
    expect(keyWith({ SNAILPASS_SECRET_KEY_FILE: other.path })).toBe(otherKey)
    expect(keyWith({ SNAILPASS_SECRET_KEY: '', SNAILPASS_SECRET_KEY_FILE: '' })).toBe(key)
  })

  test('contradicts a secret in the setting itself, in the same place', () => {
    using secret = createTemporaryFile(key)
    const both = { SNAILPASS_SECRET_KEY: otherKey, SNAILPASS_SECRET_KEY_FILE: secret.path }
    expect(() => load({ environment: both })).toThrow(
      expect.objectContaining({
        code: 'invalid',
        message: 'invalid SNAILPASS_SECRET_KEY and SNAILPASS_SECRET_KEY_FILE: both are set',
        hint: 'remove one of them',
      }),
    )
    using file = createTemporaryFile(
      `SNAILPASS_DATABASE_URI=sqlite:/a\nSNAILPASS_DATABASE_URL_FILE=${secret.path}\n`,
    )
    expect(() => load({ file: file.path })).toThrow(
      `invalid SNAILPASS_DATABASE_URI and SNAILPASS_DATABASE_URL_FILE in ${file.path}: both are set`,
    )
    const { settings } = load({ environment: { ...both, SNAILPASS_SECRET_KEY: '' } })
    expect(settings.secretKey?.reveal()).toBe(key)
  })

  test.each(['environment', 'file'])(
    'is told from its older name in the same place, in the %s',
    (place) => {
      const warningsOf = (texts: Record<string, string>) => {
        if (place === 'environment') return load({ environment: texts }).warnings
        const lines = Object.entries(texts).map(([name, text]) => `${name}=${text}\n`)
        using file = createTemporaryFile(lines.join(''))
        return load({ file: file.path }).warnings.map((line) =>
          line.replace(` in ${file.path}`, ''),
        )
      }
      const url = { SNAILPASS_DATABASE_URL: 'sqlite:/a' }
      const sender = { SNAILPASS_MAIL_URL: 'smtps://mail', SNAILPASS_MAIL_FROM: 'a@nas.local' }
      expect(warningsOf({ ...url, SNAILPASS_DATABASE_URI: 'sqlite:/b' })).toEqual([
        'SNAILPASS_DATABASE_URI has no effect: SNAILPASS_DATABASE_URL is set as well',
      ])
      expect(warningsOf({ ...sender, MAIL_DEFAULT_SENDER: 'b@nas.local' })).toEqual([
        'MAIL_DEFAULT_SENDER has no effect: SNAILPASS_MAIL_FROM is set as well',
      ])
      expect(warningsOf({ ...url, SNAILPASS_DATABASE_URI: 'sqlite:/a' })).toEqual([])
      expect(warningsOf({ ...sender, MAIL_DEFAULT_SENDER: '' })).toEqual([])
      expect(warningsOf({ SNAILPASS_DATABASE_URI: 'sqlite:/b' })).toEqual([])
    },
  )

  test('for the database must not have an empty path', () => {
    using secret = createTemporaryFile('sqlite:/srv/a.db')
    const database = (environment: Record<string, string>) =>
      load({ environment }).settings.database
    expect(() => database({ SNAILPASS_DATABASE_URL_FILE: '' })).toThrow(
      'invalid SNAILPASS_DATABASE_URL_FILE: it is empty',
    )
    expect(
      database({ SNAILPASS_DATABASE_URL: '', SNAILPASS_DATABASE_URL_FILE: secret.path }),
    ).toEqual({ engine: 'sqlite', path: '/srv/a.db' })
  })

  test.each([
    ['an empty file', '\n', 'the file is empty'],
    ['more than 64 KiB', 'x'.repeat(64 * 1024 + 1), 'the file is larger than 64 KiB'],
    ['binary data', new Uint8Array([0x61, 0xff, 0xfe]), 'the file is not UTF-8 text'],
    ['UTF-16', Buffer.from('secretkey', 'utf16le'), 'the file contains NUL characters'],
    ['an invalid secret', 'secretkey', 'shorter than 16 characters'],
  ])('is refused for %s, without any of its content', (_name, content, message) => {
    using secret = createTemporaryFile(content)
    const loading = () => load({ environment: { SNAILPASS_SECRET_KEY_FILE: secret.path } })
    expect(loading).toThrow(`invalid SNAILPASS_SECRET_KEY_FILE (${secret.path}): ${message}`)
    expect(loading).not.toThrow('secretkey')
    expect(loading).not.toThrow('xxx')
  })

  test('is closed after it was read, as is the settings file', () => {
    using secret = createTemporaryFile(key)
    using file = createTemporaryFile(`SNAILPASS_SECRET_KEY_FILE=${secret.path}\n`)
    expect(load({ file: file.path }).settings.secretKey?.reveal()).toBe(key)
    for (const { path } of [secret, file]) expect(listOpenFiles(path)).toEqual([])
  })

  test.each([
    ['does not exist', '/nonexistent/key', 'ENOENT'],
    ['is a folder', '/', 'EISDIR'],
    ['never ends', '/dev/zero', 'is larger than 64 KiB'],
  ])('is refused if its file %s', (_name, path, reason) => {
    const loading = () => load({ environment: { SNAILPASS_SECRET_KEY_FILE: path } })
    expect(loading).toThrow(`invalid SNAILPASS_SECRET_KEY_FILE (${path}): `)
    expect(loading).toThrow(reason)
  })
})

describe('a secret means the same in the environment, the settings file and a file of its own', () => {
  const name = 'SNAILPASS_SECRET_KEY'
  /** Returns what each of the three makes of a secret. */
  const readAll = (secret: string) => {
    using file = createTemporaryFile(`${name}=${formatSettingValue(secret)}\n`)
    using own = createTemporaryFile(`${secret}\n`)
    const inputs = {
      environment: { environment: { [name]: secret } },
      file: { file: file.path },
      own: { environment: { [`${name}_FILE`]: own.path } },
    }
    return Object.values(inputs).map((input) => {
      const { settings, warnings } = load(input)
      const told = warnings.map((warning) =>
        warning.replace(/^SNAILPASS_SECRET_KEY\S*(?: in \S+| \(\S+\))? /, ''),
      )
      return { key: settings.secretKey?.reveal(), told }
    })
  }
  const space = 'begins or ends with white space or a line break, which is part of the secret'
  const quotes =
    'is in quotation marks, which are part of the secret: only the settings file has quotes'

  test.each([
    'sixteen#characters',
    "it's `sixteen` $characters",
    '\\sixteen\\ncharacters\\',
    'sixteen "characters"',
    'sixteen\ncharacters',
    'sixteen characters = 16',
  ])('%j', (secret) => {
    expect(readAll(secret)).toEqual([1, 2, 3].map(() => ({ key: secret, told: [] })))
  })

  test.each([
    ' sixteen characters',
    'sixteen characters\t',
    'sixteen characters\n',
    '\u00a0sixteen characters',
  ])('with white space at its ends, which is warned about: %j', (secret) => {
    expect(readAll(secret)).toEqual([1, 2, 3].map(() => ({ key: secret, told: [space] })))
  })

  test.each(['"sixteen characters"', "'sixteen characters'", '`sixteen characters`'])(
    'with quotation marks around it, which are warned about where they are no syntax: %j',
    (secret) => {
      expect(readAll(secret)).toEqual([
        { key: secret, told: [quotes] },
        { key: secret, told: [] },
        { key: secret, told: [quotes] },
      ])
    },
  )
})

describe('secrets that every user may read', () => {
  test('are warned about in the settings file, if it contains a password', () => {
    using file = createTemporaryFile(
      `SNAILPASS_SECRET_KEY=${key}\nSNAILPASS_DATABASE_URI=sqlite:/a\nSNAILPASS_MAIL_URL=\n`,
      0o644,
    )
    // Also about a key that the environment overrides: it may be in use elsewhere.
    const environment = { SNAILPASS_SECRET_KEY: otherKey }
    expect(load({ file: file.path, environment }).warnings).toEqual([
      `every user of this machine can read SNAILPASS_SECRET_KEY in ${file.path}: run \`chmod o-r\` on the file`,
    ])
    chmodSync(file.path, 0o640)
    expect(load({ file: file.path }).warnings).toEqual([])
  })

  test('are warned about in a file of their own, if it contains a password', () => {
    using secret = createTemporaryFile('postgres://me:hidden@localhost/db', 0o604)
    const warnings = () =>
      load({ environment: { SNAILPASS_DATABASE_URL_FILE: secret.path } }).warnings
    expect(warnings()).toEqual([
      `every user of this machine can read SNAILPASS_DATABASE_URL_FILE (${secret.path}): run \`chmod o-r\` on the file`,
    ])
    writeFileSync(secret.path, 'postgres://me@localhost/db')
    expect(warnings()).toEqual([])
  })

  test('are not warned about if there are none', () => {
    using file = createTemporaryFile('SNAILPASS_LISTEN=127.0.0.1:1\n', 0o644)
    expect(load({ file: file.path }).warnings).toEqual([])
  })
})

describe('the default settings file', () => {
  const text = 'SNAILPASS_TOKEN_SECONDS=30\n'
  const seconds = (input: Partial<ConfigInput>) => load(input).settings.tokenSeconds

  test('is read if it exists and no other file is named', () => {
    using file = createTemporaryFile(text)
    using other = createTemporaryFile('SNAILPASS_TOKEN_SECONDS=40\n')
    expect(seconds({ defaultFile: file.path })).toBe(30)
    expect(seconds({ defaultFile: file.path, file: other.path })).toBe(40)
    expect(seconds({ defaultFile: file.path, file: devNull })).toBe(600)
    const environment = { SNAILPASS_CONFIG: other.path }
    expect(seconds({ defaultFile: file.path, environment })).toBe(40)
    expect(seconds({ environment, file: file.path })).toBe(30)
    expect(seconds({ environment: { SNAILPASS_CONFIG: '' }, defaultFile: file.path })).toBe(30)
    expect(load({ environment }).warnings).toEqual([])
  })

  test('may be missing, with its folder too', () => {
    using file = createTemporaryFile(text)
    expect(seconds({ defaultFile: '/nonexistent/snailpass.env' })).toBe(600)
    expect(seconds({ defaultFile: join(file.path, 'snailpass.env') })).toBe(600)
    expect(() => seconds({ environment: { SNAILPASS_CONFIG: '/nonexistent/file' } })).toThrow(
      "can't read the settings file /nonexistent/file: ",
    )
  })

  // Root may read every file. test/e2e/default-settings-file.test.ts drops root's privileges for the same test.
  test.skipIf(process.getuid?.() === 0)('stops users who may not read it', () => {
    using file = createTemporaryFile(text, 0o000)
    expect(() => seconds({ defaultFile: file.path })).toThrow(
      `no permission to read the settings file ${file.path}`,
    )
    expect(seconds({ defaultFile: file.path, file: devNull })).toBe(600)
  })

  test('stops the start if it exists and is invalid', () => {
    using file = createTemporaryFile('nonsense')
    using folder = temporaryFolder()
    expect(() => seconds({ defaultFile: file.path })).toThrow('line 1 is not NAME=value')
    mkdirSync(join(folder.path, 'x'))
    expect(() => seconds({ defaultFile: join(folder.path, 'x') })).toThrow(
      /can't read the settings file .*: EISDIR/,
    )
  })
})

describe('the environment of a child', () => {
  test('gives it the same settings, wherever they were set', () => {
    using secret = createTemporaryFile(`${key}\n`)
    using file = createTemporaryFile(
      `SNAILPASS_DATABASE_URI=postgres://me:hidden@localhost/db\nSNAILPASS_SECRET_KEY_FILE=${secret.path}\n`,
    )
    const config = load({
      file: file.path,
      environment: { SNAILPASS_PUBLIC_HOSTS: 'One.lan, two.lan:80' },
      flags: { dataDir: '/flag' },
    })
    const environment = createChildEnvironment(config)
    expect(environment).toEqual({
      SNAILPASS_CONFIG: devNull,
      SNAILPASS_DATA_DIR: '/flag',
      SNAILPASS_DATABASE_URL: 'postgres://me:hidden@localhost/db',
      SNAILPASS_SECRET_KEY: key,
      SNAILPASS_PUBLIC_HOSTS: 'One.lan, two.lan:80',
    })
    const child = load({ environment, defaultFile: file.path })
    // All but the place where they were set.
    const listed = config.settings.listed.map((setting) => ({
      ...setting,
      source: expect.any(String),
    }))
    expect(child.settings).toEqual({ ...config.settings, listed })
    expect(child.settings.secretKey?.reveal()).toBe(key)
    expect(createChildEnvironment(child)).toEqual(environment)
  })

  test('is not revealed when the configuration is printed', () => {
    const config = load({ environment: { SNAILPASS_SECRET_KEY: key } })
    expect(inspect(config, { depth: 9, showHidden: true })).not.toContain(key)
    expect(JSON.stringify([...config.origins])).not.toContain(key)
  })
})

test('every name that is read is known, and no two settings share a name', () => {
  const names = settingKeys.flatMap((name) => {
    const { name: own, alias, isSecret } = settingTable[name]
    const direct = alias === undefined ? [own] : [own, alias]
    return isSecret === true ? [...direct, ...direct.map(fileVariantOf)] : direct
  })
  expect(new Set(names).size).toBe(names.length)
  const environment = Object.fromEntries(names.map((name) => [name, '/nonexistent']))
  const { warnings } = readSettings({ environment, flags: {}, file: null })
  expect(warnings).toEqual([])
})
