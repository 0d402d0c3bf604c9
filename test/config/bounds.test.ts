import { describe, expect, test } from 'bun:test'
import { type SettingValues, settingKeys, settingTable } from '../../src/config/settings'
import { InvalidSetting, invalidSettingsError, Secret } from '../../src/config/values'
import { CombinedError, listErrors } from '../../src/domain/errors'

/** Returns what a setting parses a text to, with secrets revealed, or the problem with it. */
function parse(key: keyof SettingValues, text: string): unknown {
  try {
    const value: unknown = settingTable[key].parse(text)
    return value instanceof Secret ? { secret: value.reveal() } : value
  } catch (error) {
    if (error instanceof InvalidSetting) return error.problemOf('X')
    throw error
  }
}

const invalid = (text: string, advice: string, hint: string | null = null) => ({
  text: `invalid X "${text}": ${advice}`,
  hint,
})

/** As `invalid`, for a part of a list. */
const invalidPart = (noun: string, text: string, advice: string, hint: string | null = null) => ({
  text: `invalid ${noun} "${text}" in X: ${advice}`,
  hint,
})

describe('a whole number', () => {
  test.each([
    ['tokenSeconds', 1, 30 * 24 * 60 * 60],
    ['linkMinutes', 1, 7 * 24 * 60],
    ['unconfirmedDays', 0, 3650],
    ['auditDays', 0, 36_500],
    ['loginQueue', 1, 100_000],
    ['mailPort', 1, 65_535],
  ] as const)('for %s is from %p to %p', (key, min, max) => {
    const advice = `use a whole number from ${min} to ${max}`
    for (const value of [min, min + 1, max - 1, max]) expect(parse(key, String(value))).toBe(value)
    for (const value of [min - 1, max + 1]) {
      expect(parse(key, String(value))).toEqual(invalid(String(value), advice))
    }
    for (const text of ['', 'x', '1.5', '+5', '1e3', ' 5', '0x10', '5 ', '9999999999999']) {
      expect(parse(key, text), text).toEqual(invalid(text, advice))
    }
    expect(parse(key, `0${max}`)).toBe(max)
  })
})

describe('a size', () => {
  const advice = 'use a size such as 64 MB, in KB, MB or GB'

  test.each([
    ['0', 0],
    ['1', 1],
    ['1 KB', 1_000],
    ['64MB', 64_000_000],
    ['64  mb', 64_000_000],
    ['2 Gb', 2_000_000_000],
    ['999999999', 999_999_999],
  ])('%p is %p bytes', (text, bytes) => {
    expect(parse('minFreeSpace', text)).toBe(bytes)
    expect(parse('listCache', text)).toBe(bytes)
  })

  test.each(['', 'MB', '1 TB', '1.5 GB', '-1', '1 KiB', '1 MB x', '1000000000'])(
    'is not %p',
    (text) => {
      for (const key of ['minFreeSpace', 'maxVault', 'listCache', 'maxBody'] as const) {
        expect(parse(key, text)).toEqual(invalid(text, advice))
      }
    },
  )

  test('of a vault is at least a megabyte', () => {
    expect(parse('maxVault', '1 MB')).toBe(1_000_000)
    expect(parse('maxVault', '1000000')).toBe(1_000_000)
    for (const text of ['999999', '999 KB', '0']) {
      expect(parse('maxVault', text)).toEqual(invalid(text, 'use at least 1 MB'))
    }
  })

  test('of a request body is 1 KiB to 64 MiB', () => {
    const advice = 'use a size from 1024 to 67108864 bytes, such as 2 MB'
    for (const [text, bytes] of [
      ['1024', 1_024],
      ['10 MB', 10_000_000],
      ['67108864', 67_108_864],
    ] as const)
      expect(parse('maxBody', text)).toBe(bytes)
    for (const text of ['1023', '1 KB', '0', '67108865', '68 MB', '1 GB'])
      expect(parse('maxBody', text)).toEqual(invalid(text, advice))
  })

  test.each([
    [0, '0'],
    [1, '1'],
    [999, '999'],
    [1_000, '1 KB'],
    [1_001, '1001'],
    [1_500_000, '1500 KB'],
    [64_000_000, '64 MB'],
    [2_000_000_000, '2 GB'],
  ])('of %p bytes is shown as %p', (bytes, text) => {
    expect(settingTable.minFreeSpace.format?.(bytes)).toBe(text)
    expect(settingTable.maxVault.format?.(bytes)).toBe(text)
    expect(settingTable.listCache.format?.(bytes)).toBe(text)
    expect(settingTable.maxBody.format?.(bytes)).toBe(text)
  })
})

describe('yes or no', () => {
  const keys = ['mdns', 'acmeStaging', 'mailAllowPlain', 'mailUseSsl', 'mailUseTls'] as const

  test.each(keys)('for %s is written in several words', (key) => {
    for (const text of ['yes', 'true', 'on', '1', 'YES', 'True']) {
      expect(parse(key, text), text).toBeTrue()
    }
    for (const text of ['no', 'false', 'off', '0', 'NO', 'False']) {
      expect(parse(key, text), text).toBeFalse()
    }
    for (const text of ['', 'y', 'n', 'maybe', '2']) {
      expect(parse(key, text)).toEqual(invalid(text, 'use yes or no'))
    }
  })
})

describe('a choice', () => {
  test.each([
    ['logFormat', ['text', 'json'], 'use text or json'],
    ['logLevel', ['debug', 'info', 'warn', 'error'], 'use debug, info, warn or error'],
    ['plainLogins', ['private', 'all'], 'use private or all'],
    ['tls', ['local', 'files', 'acme'], 'use local, files or acme'],
    ['emailConfirmation', ['auto', 'required', 'off'], 'use auto, required or off'],
    ['signUps', ['open', 'invited', 'closed'], 'use open, invited or closed'],
  ] as const)('for %s is one of %p', (key, choices, advice) => {
    for (const choice of choices) {
      expect(parse(key, choice)).toBe(choice)
      expect(parse(key, choice.toUpperCase())).toEqual(invalid(choice.toUpperCase(), advice))
    }
    expect(parse(key, '')).toEqual(invalid('', advice))
  })
})

describe('a path', () => {
  test.each([
    ['dataDir', 'folder'],
    ['backupDir', 'folder'],
    ['tlsCert', 'file'],
    ['tlsKey', 'file'],
    ['acmeCa', 'file'],
  ] as const)('for %s is absolute afterwards, and names a %s', (key, kind) => {
    expect(parse(key, '/srv/x/../y/')).toBe('/srv/y')
    expect(parse(key, 'y')).toBe(`${process.cwd()}/y`)
    expect(parse(key, '')).toEqual(invalid('', `not a ${kind}`, 'use the full path'))
    for (const text of ['~', '~/x', '~me']) {
      const problem = `not a ${kind}: ~ is not expanded`
      expect(parse(key, text)).toEqual(invalid(text, problem, 'use the full path'))
    }
  })
})

describe('the address for metrics', () => {
  test('is on this machine: a loopback address with a port, or a socket', () => {
    expect(parse('listenMetrics', '127.0.0.1:9464,[::1]:0 localhost:1')).toEqual([
      { hostname: '127.0.0.1', port: 9464 },
      { hostname: '::1', port: 0 },
      { hostname: 'localhost', port: 1 },
    ])
    expect(parse('listenMetrics', 'unix:/run/x/metrics.sock')).toEqual([
      { path: '/run/x/metrics.sock' },
    ])
    expect(parse('listenMetrics', 'off')).toEqual([])
  })

  test.each([
    ...['0.0.0.0:9464', '[::]:9464', '9464', ':9464', '*:9464', '192.168.1.5:9464', '[fe80::1]:1'],
    ...['[::ffff:0.0.0.0]:1', 'pi.local:9464', 'localhost.example.org:1', '127.0.0.1', 'unix:x'],
    ...['127.1:1', '127.0.0.1.example.org:1', '0:1', '2130706433:1', 'http://127.0.0.1:1', ''],
  ])('is never one like %p', (text) => {
    expect(parse('listenMetrics', text)).toEqual(
      invalid(
        text,
        'use a loopback address and a port, or unix:/PATH',
        'examples of addresses are 127.0.0.1:9464, [::1]:9464 or unix:/run/snailpass/metrics.sock; several are comma-separated; off means none',
      ),
    )
  })

  test('is refused together with one that others reach', () => {
    expect(parse('listenMetrics', '127.0.0.1:9464,0.0.0.0:9465')).toMatchObject({
      text: 'invalid X "0.0.0.0:9465": use a loopback address and a port, or unix:/PATH',
    })
  })
})

describe('a secret', () => {
  test('key has at least 16 characters', () => {
    expect(parse('secretKey', 'x'.repeat(16))).toEqual({ secret: 'x'.repeat(16) })
    for (const text of ['', 'x'.repeat(15)]) {
      expect(parse('secretKey', text)).toEqual({
        text: 'invalid X: shorter than 16 characters',
        hint: 'remove the secret key: a strong one is created at the first start and kept in the data folder',
      })
    }
  })

  test.each(['backupPassphrase', 'mailPassword'] as const)('for %s is any text', (key) => {
    expect(parse(key, ' ü ')).toEqual({ secret: ' ü ' })
  })

  test('for account binding is base64url or base64, of at least eight characters', () => {
    for (const text of ['abcdefgh', 'ab-_+/12', 'abcdefgh=', 'abcdefgh==']) {
      expect(parse('acmeEabKey', text), text).toEqual({ secret: text })
    }
    for (const text of ['abcdefg', 'abcdefgh===', 'abcd efgh', 'abcdefg!', '=abcdefgh']) {
      expect(parse('acmeEabKey', text), text).toEqual({
        text: 'invalid X: not a key in base64url',
        hint: 'copy it as the certificate authority shows it',
      })
    }
  })
})

describe('the schedule of backups', () => {
  test.each([
    ['0:00', { hour: 0, minute: 0, jitter: 0 }],
    ['00:00', { hour: 0, minute: 0, jitter: 0 }],
    ['23:59', { hour: 23, minute: 59, jitter: 0 }],
    ['3:30', { hour: 3, minute: 30, jitter: 0 }],
    ['Daily', { hour: 2, minute: 0, jitter: 120 }],
    ['off', null],
    ['no', null],
    ['Never', null],
  ])('%p is %p', (text, schedule) => {
    expect(parse('backupSchedule', text)).toEqual(schedule)
  })

  test.each(['24:00', '23:60', '3', '3:3', '03:30:00', '-1:00', '', 'on'])('is not %p', (text) => {
    expect(parse('backupSchedule', text)).toEqual(
      invalidPart('schedule', text, 'use daily, HH:MM or off'),
    )
  })

  test('is shown as it is written', () => {
    const format = settingTable.backupSchedule.format
    expect(format?.({ hour: 3, minute: 5, jitter: 0 })).toBe('03:05')
    expect(format?.({ hour: 3, minute: 5, jitter: 1 })).toBe('daily')
    expect(settingTable.backupSchedule.defaultText).toBe('daily, between 02:00 and 04:00')
  })
})

describe('the backups to keep', () => {
  test.each([
    ['7 daily', { daily: 7, weekly: 0, monthly: 0 }],
    ['2 weekly', { daily: 0, weekly: 2, monthly: 0 }],
    ['3monthly', { daily: 0, weekly: 0, monthly: 3 }],
    ['12 Monthly , 4 weekly,1 daily', { daily: 1, weekly: 4, monthly: 12 }],
    ['9999 daily, 0 weekly', { daily: 9999, weekly: 0, monthly: 0 }],
  ])('%p are %p', (text, keep) => {
    expect(parse('backupKeep', text)).toEqual(keep)
  })

  test.each([
    '',
    '7',
    'daily',
    '7 yearly',
    '-1 daily',
    '10000 daily',
    '7 daily,',
    '7 daily 4 weekly',
  ])('are not %p', (text) => {
    expect(parse('backupKeep', text)).toEqual(
      invalid(text, 'use the form 7 daily, 4 weekly, 12 monthly'),
    )
  })
})

describe('rate limits', () => {
  const advice = 'use NAME=COUNT/TIME with a time of at most one day, or off'
  const hint = `the default limits are ${settingTable.rateLimits.defaultText}`
  const limitOf = (text: string) => {
    const limits = settingTable.rateLimits.parse(`guesses=${text}`)
    return limits === 'off' ? 'off' : limits.guesses
  }

  test('have exact defaults', () => {
    expect(settingTable.rateLimits.defaultText).toBe(
      'guesses=10/15m, account-guesses=100/1h, guessed-accounts=30/1h, sign-ups=20/1h, confirmations=60/1h',
    )
  })

  test.each([
    ['1/1s', { max: 1, seconds: 1 }],
    ['999999/59s', { max: 999_999, seconds: 59 }],
    ['2/2m', { max: 2, seconds: 120 }],
    ['2/3h', { max: 2, seconds: 10_800 }],
    ['2/24h', { max: 2, seconds: 86_400 }],
    ['2/1d', { max: 2, seconds: 86_400 }],
    ['2/86400s', { max: 2, seconds: 86_400 }],
  ])('%p is %p', (text, limit) => {
    expect(limitOf(text)).toEqual(limit)
  })

  test.each([
    '0/1m',
    '1/0m',
    '1000000/1m',
    '1/86401s',
    '1/086400s',
    '0000001/1m',
    '1/1441m',
    '1/25h',
    '2/2d',
    '1/1w',
    '1/1',
    '1',
    '-1/1m',
    '1/1m;',
  ])('are not %p', (text) => {
    const part = `guesses=${text}`
    expect(parse('rateLimits', part)).toEqual(invalidPart('rate limit', part, advice, hint))
  })

  test('have names, and change only what they name', () => {
    const defaults = settingTable.rateLimits.parse('')
    const limit = { max: 3, seconds: 60 }
    for (const [name, key] of [
      ['guesses', 'guesses'],
      ['account-guesses', 'accountGuesses'],
      ['guessed-accounts', 'guessedAccounts'],
      ['sign-ups', 'signUps'],
      ['confirmations', 'confirmations'],
    ]) {
      expect(parse('rateLimits', `${name}=3/1m`), name).toEqual(
        Object.assign({}, defaults, { [key ?? '']: limit }),
      )
    }
    expect(parse('rateLimits', 'guess=3/1m')).toEqual(
      invalidPart('rate limit', 'guess=3/1m', advice, hint),
    )
    for (const off of ['off', ' OFF ']) expect(parse('rateLimits', off)).toBe('off')
  })

  test.each([
    [59, '59s'],
    [60, '1m'],
    [90, '90s'],
    [3600, '1h'],
    [5400, '90m'],
    [86_400, '1d'],
  ])('of %p seconds are shown with %p', (seconds, text) => {
    const defaults = settingTable.rateLimits.parse('')
    if (defaults === 'off') throw new Error('off by default')
    const shown = settingTable.rateLimits.format?.({ ...defaults, guesses: { max: 1, seconds } })
    expect(shown).toStartWith(`guesses=1/${text}, `)
  })
})

describe('a list', () => {
  test.each([
    ['signUpDomains', 'A.example,b.example  c.example,', ['a.example', 'b.example', 'c.example']],
    ['publicHosts', 'A.lan:80, b.lan:8080', ['a.lan', 'b.lan:8080']],
    ['corsOrigins', 'https://A.example:443 http://b:1', ['https://a.example', 'http://b:1']],
    ['trustedProxies', '10.0.0.1,fd00::/8', ['10.0.0.1', 'fd00::/8']],
    ['tlsNames', 'A.lan fd00::5 [fd00::6] 10.0.0.1', ['a.lan', 'fd00::5', 'fd00::6', '10.0.0.1']],
    ['acmeNames', 'A.example.org, a.example.org', ['a.example.org']],
    ['backupEncryptTo', 'age1abc0 age1xyz9', ['age1abc0', 'age1xyz9']],
  ] as const)('for %s is separated by commas or spaces: %p', (key, text, list) => {
    expect(parse(key, text)).toEqual(list)
    expect(parse(key, ' , ')).toEqual([])
  })

  test.each([
    ['signUpDomains', 'a/b', 'domain', 'use a domain such as example.org', null],
    ['signUpDomains', 'a..b', 'domain', 'use a domain such as example.org', null],
    ['signUpDomains', '.example.org', 'domain', 'use a domain such as example.org', null],
    ['signUpDomains', 'example.org.', 'domain', 'use a domain such as example.org', null],
    ['signUpDomains', '*.example.org', 'domain', 'use a domain such as example.org', null],
    ['signUpDomains', 'you@example.org', 'domain', 'use a domain such as example.org', null],
    ['signUpDomains', '-a.example', 'domain', 'use a domain such as example.org', null],
    ['signUpDomains', 'localhost', 'domain', 'use a domain such as example.org', null],
    ['signUpDomains', '192.168.1.5', 'domain', 'use a domain such as example.org', null],
    ['signUpDomains', '[fd00::5]', 'domain', 'use a domain such as example.org', null],
    ['publicHosts', 'a/b', 'host', 'use HOST or HOST:PORT', null],
    ['publicHosts', 'me@a', 'host', 'use HOST or HOST:PORT', null],
    [
      'corsOrigins',
      'https://a.example/x',
      'origin',
      'use an origin such as https://vault.example.org',
      null,
    ],
    ['corsOrigins', 'null', 'origin', 'use an origin such as https://vault.example.org', null],
    ['corsOrigins', 'data:x', 'origin', 'use an origin such as https://vault.example.org', null],
    [
      'trustedProxies',
      'pi.lan',
      'network',
      'use an address or a network such as 192.168.1.5, 10.0.0.0/8 or fd00::/8',
      null,
    ],
    [
      'tlsNames',
      '*.lan',
      'host',
      'use a name or an address such as pi.lan, 192.168.1.5 or fd00::5',
      null,
    ],
    [
      'acmeNames',
      'pi.local',
      'name',
      'use a public name such as vault.example.org',
      'IP addresses, wildcards and names of home networks such as pi.local have no public certificates',
    ],
    ['backupEncryptTo', 'age2abc', 'public key', 'use public keys: they begin with age1', null],
  ] as const)(
    'for %s is refused for one wrong part, %p, which is named',
    (key, part, noun, advice, hint) => {
      expect(parse(key, part)).toEqual(invalidPart(noun, part, advice, hint))
    },
  )

  test('of public keys does not show a private one', () => {
    expect(parse('backupEncryptTo', 'age1abc AGE-SECRET-KEY-1ABC')).toEqual({
      text: 'invalid X: a private key',
      hint: 'use public keys: they begin with age1',
    })
  })
})

describe('an address to listen on', () => {
  const plain = {
    advice: 'use HOST:PORT or unix:/PATH',
    hint: 'examples of addresses are 0.0.0.0:5000, [::]:5000 or unix:/run/snailpass/http.sock; several are comma-separated; off means none',
  }
  const tls = {
    advice: 'use HOST:PORT',
    hint: 'examples of addresses are 0.0.0.0:5443 or [::]:5443; several are comma-separated; off means none',
  }

  test('has a port from 0 to 65535', () => {
    for (const key of ['listen', 'listenTls'] as const) {
      const { advice, hint } = key === 'listen' ? plain : tls
      expect(parse(key, 'a:0, a:65535')).toEqual([
        { hostname: 'a', port: 0 },
        { hostname: 'a', port: 65_535 },
      ])
      for (const text of [
        'a:65536',
        'a:005000',
        'a:',
        'a',
        ':65536',
        '005000',
        '5000x',
        '1:',
        '*',
        'a:1,',
      ]) {
        const part = text === 'a:1,' ? '' : text
        expect(parse(key, text), text).toEqual(invalid(part, advice, hint))
      }
      for (const text of ['off', ' off ']) expect(parse(key, text)).toEqual([])
    }
  })

  test('is all addresses of each family for a port alone, and counts once', () => {
    for (const key of ['listen', 'listenTls'] as const) {
      for (const text of ['5000', ':5000', '*:5000', '5000,0.0.0.0:5000', '[::0]:5000 5000']) {
        const found: unknown = parse(key, text)
        expect(found, text).toBeArrayOfSize(2)
        for (const hostname of ['0.0.0.0', '::']) {
          expect(found, text).toContainEqual({ hostname, port: 5000 })
        }
      }
    }
  })

  test('is a Unix socket for HTTP only', () => {
    expect(parse('listen', 'unix:/run/x')).toEqual([{ path: '/run/x' }])
    expect(parse('listenTls', 'unix:/run/x')).toEqual(invalid('unix:/run/x', tls.advice, tls.hint))
  })
})

describe('an email', () => {
  test('of the contact is one address, which fits into a mailto URL', () => {
    expect(parse('acmeEmail', 'you@example.org')).toBe('you@example.org')
    for (const text of ['you', 'a@b,c@d', 'a@b?c', 'a%40b@c', 'a b@c', 'mailto:a@b', 'a@b@c', '']) {
      expect(parse('acmeEmail', text)).toEqual(
        invalid(text, 'use one email address such as you@example.org'),
      )
    }
  })

  test('of the sender may have a name', () => {
    expect(parse('mailFrom', ' The Vault  <me@nas.lan>')).toEqual({
      name: 'The Vault',
      address: 'me@nas.lan',
    })
    for (const text of ['me', '<me>', 'a <b@c> d', 'a@b <c@d', 'a@b c@d', '']) {
      expect(parse('mailFrom', text)).toEqual(invalid(text, 'use ADDRESS or NAME <ADDRESS>'))
    }
  })
})

describe('a URL', () => {
  const directory = {
    text: 'invalid X: use a URL such as https://ca.example.org/acme/directory',
    hint: null,
  }

  test('of an ACME directory uses HTTPS, and has no password', () => {
    expect(String(parse('acmeDirectory', 'https://ca.lan/x'))).toBe('https://ca.lan/x')
    for (const text of ['http://ca.lan/x', 'ca.lan', 'https://me@ca.lan/', 'https://:x@ca.lan/']) {
      expect(parse('acmeDirectory', text)).toEqual(directory)
    }
  })

  test('of the server uses HTTP or HTTPS, and has nothing after its path', () => {
    expect(String(parse('publicUrl', 'http://a/b'))).toBe('http://a/b/')
    for (const text of [
      'ftp://a',
      'https://a/?b',
      'https://a/#b',
      'https://me@a/',
      'https://:x@a/',
      'a',
    ]) {
      expect(parse('publicUrl', text)).toEqual({
        text: 'invalid X: use a URL such as https://vault.example.org/',
        hint: null,
      })
    }
  })
})

test('the host of the mail server has no port', () => {
  expect(parse('mailServer', 'mail-1.lan_x')).toBe('mail-1.lan_x')
  for (const text of ['mail.lan:25', 'a b', '']) {
    expect(parse('mailServer', text)).toEqual(
      invalid(text, 'use a host name', 'set the port with MAIL_PORT'),
    )
  }
})

test('the default of each setting is described', () => {
  const described = settingKeys.map((key) => [key, settingTable[key].defaultText])
  expect(Object.fromEntries(described)).toEqual({
    dataDir:
      '$XDG_DATA_HOME/snailpass or ~/.local/share/snailpass; /var/lib/snailpass for root; %LOCALAPPDATA%\\snailpass on Windows',
    database: 'a SQLite file in the data folder',
    listen: '0.0.0.0:5000, [::]:5000',
    listenTls:
      '0.0.0.0:5443, [::]:5443 if SNAILPASS_LISTEN is not set either; off for the data folder of an earlier version',
    listenMetrics: 'off',
    plainLogins: 'private',
    trustedProxies: 'none',
    corsOrigins: 'none',
    tls: 'local',
    tlsCert: 'none',
    tlsKey: 'none',
    tlsNames: 'none',
    logFormat: 'text',
    logLevel: 'info',
    secretKey: 'created at the first start and kept in the data folder',
    tokenSeconds: '600',
    maxBody: '1048576',
    maxVault: '32 MB',
    listCache: '64 MB',
    minFreeSpace: '64 MB',
    emailConfirmation: 'auto',
    signUps: 'open',
    signUpDomains: 'all',
    publicUrl: 'taken from the request, if it uses an address of this machine',
    publicHosts: 'none',
    linkMinutes: '60',
    unconfirmedDays: '7',
    history: 'yes',
    rateLimits:
      'guesses=10/15m, account-guesses=100/1h, guessed-accounts=30/1h, sign-ups=20/1h, confirmations=60/1h',
    loginQueue: '256',
    auditDays: '90',
    backupDir: 'backups in the data folder',
    backupSchedule: 'daily, between 02:00 and 04:00',
    backupKeep: '7 daily, 4 weekly, 12 monthly',
    backupEncryptTo: 'backups are not encrypted',
    backupPassphrase: 'none',
    acmeNames: 'the host of SNAILPASS_PUBLIC_URL',
    acmeEmail: 'none',
    acmeDirectory: "Let's Encrypt",
    acmeStaging: 'no',
    acmeCa: 'system CAs',
    acmeEabKid: 'none',
    acmeEabKey: 'none',
    mdns: 'no',
    mailUrl: 'no emails are sent',
    mailFrom: 'the user of the mail server',
    mailAllowPlain: 'no, except to localhost',
    mailCa: 'none',
    mailEhloName: 'the host of SNAILPASS_PUBLIC_URL, or the domain of the sender',
    mailServer: 'smtp.googlemail.com, if MAIL_USERNAME is set',
    mailPort: '465, or 587 with STARTTLS',
    mailUsername: 'none',
    mailPassword: 'none',
    mailUseSsl: 'yes, unless STARTTLS is used',
    mailUseTls: 'no, unless MAIL_PORT is 587',
  })
})

test('a problem without the name of its setting has its noun and value', () => {
  const withoutName = (...args: ConstructorParameters<typeof InvalidSetting>) =>
    new InvalidSetting(...args).withoutName()
  expect(withoutName('use x')).toBe('use x')
  expect(withoutName('use x', { value: 'a\nb' })).toBe('"a b": use x')
  expect(withoutName('use x', { value: 'a', noun: 'host' })).toBe('host "a": use x')
  expect(new InvalidSetting('use x', { value: 'a', noun: 'host', hint: 'h' })).toMatchObject({
    message: 'use x',
    hint: 'h',
  })
  expect(new InvalidSetting('use x', { value: 'a' }).problemOf('X', ' in /f')).toEqual({
    text: 'invalid X "a" in /f: use x',
    hint: null,
  })
  expect(
    new InvalidSetting('use x', { value: 'a', noun: 'host' }).problemOf('X', ' in /f').text,
  ).toBe('invalid host "a" in X in /f: use x')
})

test('problems are one error, which has each of them with its hint', () => {
  const error = invalidSettingsError([
    { text: 'one', hint: 'do this' },
    { text: 'two', hint: null },
    { text: 'three', hint: 'do this' },
    { text: 'four', hint: 'and that' },
  ])
  expect(error).toMatchObject({
    code: 'invalid',
    message: 'one\ntwo\nthree\nfour',
    hint: 'do this\nand that',
  })
  expect(listErrors(error).map(({ message, hint }) => [message, hint])).toEqual([
    ['one', 'do this'],
    ['two', null],
    ['three', 'do this'],
    ['four', 'and that'],
  ])
  expect(invalidSettingsError([{ text: 'one', hint: null }])).not.toBeInstanceOf(CombinedError)
  expect(invalidSettingsError([{ text: 'one', hint: null }]).hint).toBeNull()
})
