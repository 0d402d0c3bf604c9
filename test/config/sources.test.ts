import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type ConfigInput, createChildEnvironment, loadConfig } from '../../src/config/load'
import { readSettings } from '../../src/config/reading'
import { fileVariantOf } from '../../src/config/secret-file'
import { settingKeys, settingTable } from '../../src/config/settings'
import { temporaryFolder } from '../support/executable'
import { createTemporaryFile } from '../support/settings-file'

function load(input: Partial<ConfigInput>) {
  return loadConfig({ environment: {}, flags: {}, file: null, ...input })
}

const key = 'a key of 16 letters'
const otherKey = 'another of 16 letters'

describe('a secret in a file of its own', () => {
  test.each([
    ['without a line end', key],
    ['with one', `${key}\n`],
    ['with one of Windows', `${key}\r\n`],
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

  test('can be of every setting that is secret, and of no other', () => {
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

  test('is named by the settings file too, which the environment beats', () => {
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

  test('and in the setting itself, at the same place, is a contradiction', () => {
    using secret = createTemporaryFile(key)
    const both = { SNAILPASS_SECRET_KEY: otherKey, SNAILPASS_SECRET_KEY_FILE: secret.path }
    expect(() => load({ environment: both })).toThrow(
      expect.objectContaining({
        code: 'invalid',
        message: 'SNAILPASS_SECRET_KEY and SNAILPASS_SECRET_KEY_FILE are both set',
        hint: 'leave one of the two out',
      }),
    )
    using file = createTemporaryFile(
      `SNAILPASS_DATABASE_URI=sqlite:/a\nSNAILPASS_DATABASE_URL_FILE=${secret.path}\n`,
    )
    expect(() => load({ file: file.path })).toThrow(
      `SNAILPASS_DATABASE_URI and SNAILPASS_DATABASE_URL_FILE in ${file.path} are both set`,
    )
    const { settings } = load({ environment: { ...both, SNAILPASS_SECRET_KEY: '' } })
    expect(settings.secretKey?.reveal()).toBe(key)
  })

  test('for the database is not left out by an empty name', () => {
    using secret = createTemporaryFile('sqlite:/srv/a.db')
    const database = (environment: Record<string, string>) =>
      load({ environment }).settings.database
    expect(() => database({ SNAILPASS_DATABASE_URL_FILE: '' })).toThrow(
      'SNAILPASS_DATABASE_URL_FILE is empty',
    )
    expect(
      database({ SNAILPASS_DATABASE_URL: '', SNAILPASS_DATABASE_URL_FILE: secret.path }),
    ).toEqual({ engine: 'sqlite', path: '/srv/a.db' })
  })

  test.each([
    ['an empty one', '\n', 'is empty'],
    ['more than 64 KiB', 'x'.repeat(64 * 1024 + 1), 'is larger than 64 KiB'],
    ['what is no text', new Uint8Array([0x61, 0xff, 0xfe]), 'is not text'],
    ['a bad secret', 'secretkey', 'is shorter than 16 characters'],
  ])('is refused for %s, without a word of its content', (_name, content, message) => {
    using secret = createTemporaryFile(content)
    const loading = () => load({ environment: { SNAILPASS_SECRET_KEY_FILE: secret.path } })
    expect(loading).toThrow(`SNAILPASS_SECRET_KEY_FILE (${secret.path}) ${message}`)
    expect(loading).not.toThrow('secretkey')
    expect(loading).not.toThrow('xxx')
  })

  test.each([
    ['is not there', '/nonexistent/key', 'ENOENT'],
    ['is a folder', '/', 'EISDIR'],
    ['never ends', '/dev/zero', 'is larger than 64 KiB'],
  ])('is refused where its file %s', (_name, path, reason) => {
    const loading = () => load({ environment: { SNAILPASS_SECRET_KEY_FILE: path } })
    expect(loading).toThrow(`SNAILPASS_SECRET_KEY_FILE (${path}) `)
    expect(loading).toThrow(reason)
  })
})

describe('secrets that everybody may read', () => {
  test('are warned about in the settings file, where a password is in them', () => {
    using file = createTemporaryFile(
      `SNAILPASS_SECRET_KEY=${key}\nSNAILPASS_DATABASE_URI=sqlite:/a\nSNAILPASS_MAIL_URL=\n`,
      0o644,
    )
    // Of a key that another one beats as well: it may be in use elsewhere.
    const environment = { SNAILPASS_SECRET_KEY: otherKey }
    expect(load({ file: file.path, environment }).warnings).toEqual([
      `everybody on this machine can read SNAILPASS_SECRET_KEY in ${file.path}: take that from them with \`chmod o-r\``,
    ])
    chmodSync(file.path, 0o640)
    expect(load({ file: file.path }).warnings).toEqual([])
  })

  test('are warned about in a file of their own, where a password is in them', () => {
    using secret = createTemporaryFile('postgres://me:hidden@localhost/db', 0o604)
    const warnings = () =>
      load({ environment: { SNAILPASS_DATABASE_URL_FILE: secret.path } }).warnings
    expect(warnings()).toEqual([
      `everybody on this machine can read SNAILPASS_DATABASE_URL_FILE (${secret.path}): take that from them with \`chmod o-r\``,
    ])
    writeFileSync(secret.path, 'postgres://me@localhost/db')
    expect(warnings()).toEqual([])
  })

  test('are no matter where there is none', () => {
    using file = createTemporaryFile('SNAILPASS_LISTEN=127.0.0.1:1\n', 0o644)
    expect(load({ file: file.path }).warnings).toEqual([])
  })
})

describe('the default settings file', () => {
  const text = 'SNAILPASS_TOKEN_SECONDS=30\n'
  const seconds = (input: Partial<ConfigInput>) => load(input).settings.tokenSeconds

  test('is read where it is there and no other one is named', () => {
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
      "the settings file /nonexistent/file can't be read",
    )
  })

  // Root may read every file: for it, test/e2e/default-settings-file.test.ts gives its powers up.
  test.skipIf(process.getuid?.() === 0)('stops whoever may not read it', () => {
    using file = createTemporaryFile(text, 0o000)
    expect(() => seconds({ defaultFile: file.path })).toThrow(
      `this user may not read the settings file ${file.path}`,
    )
    expect(seconds({ defaultFile: file.path, file: devNull })).toBe(600)
  })

  test('stops everything where it is there and makes no sense', () => {
    using file = createTemporaryFile('nonsense')
    using folder = temporaryFolder()
    expect(() => seconds({ defaultFile: file.path })).toThrow('line 1 is not NAME=value')
    mkdirSync(join(folder.path, 'x'))
    expect(() => seconds({ defaultFile: join(folder.path, 'x') })).toThrow("can't be read: EISDIR")
  })
})

describe('the environment of a child', () => {
  test('has it go by the very same settings, wherever they were set', () => {
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
    // But for where they were set.
    const listed = config.settings.listed.map((setting) => ({
      ...setting,
      source: expect.any(String),
    }))
    expect(child.settings).toEqual({ ...config.settings, listed })
    expect(child.settings.secretKey?.reveal()).toBe(key)
    expect(createChildEnvironment(child)).toEqual(environment)
  })

  test('is shown by nothing that is printed of the configuration', () => {
    const config = load({ environment: { SNAILPASS_SECRET_KEY: key } })
    expect(inspect(config, { depth: 9, showHidden: true })).not.toContain(key)
    expect(JSON.stringify([...config.origins])).not.toContain(key)
  })
})

test('every name that is read is known, and the names of two settings are never the same', () => {
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
