import { describe, expect, spyOn, test } from 'bun:test'
import * as os from 'node:os'
import {
  identifiersOfMachine,
  identifiersOfSettings,
  mergeIdentifiers,
} from '../../../src/app/support/identifiers'
import { createRedactor } from '../../../src/app/support/redaction'
import { readSettings, type SettingsInput, type SettingsReport } from '../../../src/config/reading'
import { type SettingValues, settingKeys, settingTable } from '../../../src/config/settings'
import { formatSettingValue } from '../../../src/config/settings-syntax'
import { listErrors } from '../../../src/domain/errors'
import { identifyingShapes, markOf } from '../../support/identifying-texts'
import { createTemporaryFile } from '../../support/settings-file'

/** Returns all texts that a report of these settings can have. */
function textsOf({ origins, warnings, error, file }: SettingsReport): readonly string[] {
  return [
    ...[...origins.values()].flatMap(({ displayValue, problem, from, name }) => [
      ...[displayValue, problem, from, name].map((text) => text ?? ''),
    ]),
    ...warnings,
    ...(error === null ? [] : listErrors(error)).flatMap(({ lines, hintLines }) => [
      ...lines,
      ...hintLines,
    ]),
    file ?? '',
  ]
}

function report(input: Partial<SettingsInput>) {
  const whole = { environment: {}, flags: {}, file: null, ...input }
  const settings = readSettings(whole)
  const redact = createRedactor(mergeIdentifiers([identifiersOfSettings(whole, settings)]))
  const texts = textsOf(settings)
  return { raw: texts.join('\n'), shown: texts.map(redact).join('\n') }
}

/** Each place where a setting can be. */
const places: Readonly<
  Record<string, (key: keyof SettingValues, text: string) => ReturnType<typeof report> | null>
> = {
  environment: (key, text) => report({ environment: { [settingTable[key].name]: text } }),
  alias(key, text) {
    const { alias, name } = settingTable[key]
    return alias === undefined
      ? null
      : report({ environment: { [alias]: text, [name]: `${text}x` } })
  },
  option(key, text) {
    return settingTable[key].option === undefined ? null : report({ flags: { [key]: text } })
  },
  file(key, text) {
    using file = createTemporaryFile(`${settingTable[key].name}=${formatSettingValue(text)}\n`)
    return report({ file: file.path })
  },
  'secret file'(key, text) {
    if (settingTable[key].isSecret !== true) return null
    using file = createTemporaryFile(text)
    return report({ environment: { [`${settingTable[key].name}_FILE`]: file.path } })
  },
  'path of a secret file'(key, text) {
    if (settingTable[key].isSecret !== true) return null
    return report({ environment: { [`${settingTable[key].name}_FILE`]: text } })
  },
}

describe.each(Object.entries(places))(
  'what a setting tells is hidden, from its %s',
  (_, reportOf) => {
    test.each(settingKeys.map((key) => [settingTable[key].name, key] as const))('%s', (_, key) => {
      const mark = markOf(key)
      for (const shape of identifyingShapes) {
        const result = reportOf(key, shape(mark))
        expect(result?.shown.toLowerCase() ?? '', shape(mark)).not.toContain(mark)
        expect(result?.shown ?? '', shape(mark)).not.toContain('198.51.100.7')
      }
    })
  },
)

test('there is something to hide: most settings are told with their texts', () => {
  const told = settingKeys.filter((key) =>
    identifyingShapes.some((shape) =>
      report({ environment: { [settingTable[key].name]: shape(markOf(key)) } }).raw.includes(
        markOf(key),
      ),
    ),
  )
  const secrets = settingKeys.filter((key) => settingTable[key].isSecret === true)
  expect(settingKeys.filter((key) => !told.includes(key) && !secrets.includes(key))).toEqual([])
})

test('a misspelt setting tells neither its name nor its text', () => {
  const { raw, shown } = report({
    environment: {
      SNAILPASS_PASZQSECRET7X: 'x',
      SNAILPASS_LISTN: 'zqvalue7x',
      snailpass_listen: '1',
    },
  })
  expect(raw).toContain('ZQSECRET7X')
  expect(shown.toLowerCase()).not.toMatch(/zqsecret7x|zqvalue7x/)
  expect(shown).toContain('did you mean SNAILPASS_LISTEN?')
})

test('whatever stands in the settings file may be a secret, unless it is known as a setting that is none', () => {
  using file = createTemporaryFile('MAILPASSWORD=zqvalue7x\nSNAILPASS_LISTEN=[::]:5000\n')
  const input = { environment: {}, flags: {}, file: file.path }
  const { secrets = [] } = identifiersOfSettings(input, readSettings(input))
  expect(new Set(secrets)).toEqual(new Set(['zqvalue7x']))
})

test('the path of the settings file is no secret, wherever it is named', () => {
  using file = createTemporaryFile('SNAILPASS_LISTEN=[::]:5000\n')
  for (const input of [
    { environment: { SNAILPASS_CONFIG: file.path }, flags: {}, file: null },
    { environment: {}, flags: {}, file: file.path },
  ])
    expect(identifiersOfSettings(input, readSettings(input)).secrets).toEqual([])
})

test.each([
  ['SNAILPASS_LISTEN', '0.0.0.0:5000, [::]:5000, unix:/run/snailpass/http.sock'],
  ['SNAILPASS_TRUSTED_PROXIES', '10.0.0.0/8, fd00::/8, 192.168.1.5'],
  ['SNAILPASS_DATABASE_URL', 'sqlite:/var/lib/snailpass/snailpass.db'],
  [
    'SNAILPASS_DATABASE_URL',
    'postgres://snailpass@localhost/snailpass?sslmode=verify-full&pool_size=3',
  ],
  ['SNAILPASS_RATE_LIMITS', 'off'],
  ['SNAILPASS_BACKUP_KEEP', '7 daily, 4 weekly, 12 monthly'],
  ['SNAILPASS_BACKUP_SCHEDULE', '03:30'],
  ['SNAILPASS_MAX_VAULT', '64 MB'],
  ['SNAILPASS_TLS_CERT', '/etc/ssl/fullchain.pem'],
  ['SNAILPASS_LOG_FORMAT', 'json'],
  ['SNAILPASS_LOG_LEVEL', 'debug'],
  ['SNAILPASS_TLS', 'acme'],
  ['SNAILPASS_SIGNUPS', 'invited'],
  ['SNAILPASS_EMAIL_CONFIRMATION', 'required'],
  ['SNAILPASS_PLAIN_LOGINS', 'all'],
])('what identifies nobody is shown: %s=%s', (name, text) => {
  expect(report({ environment: { [name]: text } }).shown.split('\n')).toContain(text)
})

test('default values are shown', () => {
  const { raw, shown } = report({ flags: { dataDir: '/var/lib/snailpass' } })
  expect(shown).toBe(raw)
})

test('hidden parts of a URL have placeholders that tell them apart', () => {
  const { shown } = report({
    environment: {
      SNAILPASS_DATABASE_URL: 'postgres://vaultuser:geheim@db.acme.io/vaultdb',
      SNAILPASS_PUBLIC_URL: 'https://vault.acme.io/',
      SNAILPASS_ACME_NAMES: 'vault.acme.io, db.acme.io',
    },
  })
  expect(shown.split('\n').filter((line) => line.includes('<'))).toEqual([
    'postgres://<name-1>:•••@<host-1>/<name-2>',
    'https://<host-2>/',
    '<host-2>, <host-1>',
  ])
})

test('the password of a URL is known as a whole, with and without its encoding', () => {
  const input = {
    environment: {
      SNAILPASS_DATABASE_URL: 'postgres://snailpass:p%40s%2Fs%20w@localhost/snailpass',
    },
    flags: {},
    file: null,
  }
  const { secrets = [] } = identifiersOfSettings(input, readSettings(input))
  expect(secrets).toEqual(expect.arrayContaining(['p%40s%2Fs%20w', 'p@s/s w']))
})

test('what the machine tells is hidden', () => {
  const files: Readonly<Record<string, string>> = {
    '/etc/passwd':
      'root:x:0:0::/root:/bin/sh\nbackupd:x:999:999::/:/bin/false\njane:x:1000:1000:Jane Roe:/home/jane:/bin/sh\n',
    '/etc/group': 'root:x:0:\nzqadmins:x:1500:jane\n',
  }
  const identifiers = identifiersOfMachine(
    { USER: 'zqjohn', SUDO_USER: 'zqsudo', HOME: '/home/zqjohn' },
    (path) => files[path] ?? null,
  )
  const redact = createRedactor(mergeIdentifiers([identifiers]))
  expect(
    redact('chgrp zqadmins /home/zqjohn/x: as zqsudo, let the user jane read it, backupd or root'),
  ).toBe('chgrp <name-1> <home>/x: as <name-2>, let the user <name-3> read it, backupd or root')
})

test('a machine is known by its name, with and without its domain', () => {
  using host = spyOn(os, 'hostname')
  const hostsOf = (name: string) => {
    host.mockReturnValueOnce(name)
    return identifiersOfMachine({}, () => null).hosts
  }
  expect(hostsOf('zqbox.home.example.org')).toEqual(['zqbox.home.example.org', 'zqbox'])
  expect(hostsOf('zqbox')).toEqual(['zqbox', 'zqbox'])
})
