import { describe, expect, test } from 'bun:test'
import { readSettings } from '../../src/config/reading'
import { type SettingValues, settingKeys, settingTable } from '../../src/config/settings'
import { formatForDisplay, redactedText, type Setting } from '../../src/config/values'

/** Returns what is displayed of a setting with a text. */
function display<Key extends keyof SettingValues>(key: Key, text: string): string | null {
  const setting: Setting<SettingValues[Key]> = settingTable[key]
  return formatForDisplay(setting, setting.parse(text))
}

const samples: Readonly<Record<keyof SettingValues, readonly string[]>> = {
  dataDir: ['/srv/snailpass', '/with space/ü'],
  database: [
    'sqlite:/srv/vaults.db',
    'postgres://me@db.lan/db',
    'postgres://me%40x@db.lan:5433,[::1],other/d%2Fb?sslmode=verify-full&sslrootcert=/etc/my%20ca.pem&pool_size=3&options=-csearch_path%3Dvaults',
    'postgresql+psycopg2://me@%2Frun%2Fpostgresql/db',
    'postgres://me@%2Frun%2Fa%3Ab/db',
  ],
  listen: [
    '0.0.0.0:5000',
    '[::1]:1',
    'pi.local:0',
    'unix:/run/x/http.sock',
    '127.0.0.1:1, [::1]:1',
    '5000, 0.0.0.0:5000',
    'off',
  ],
  listenTls: ['0.0.0.0:5443', '[::]:443,0.0.0.0:443', ':443', 'off'],
  listenMetrics: ['127.0.0.1:9464, [::1]:0', 'localhost:9464', 'unix:/run/x/metrics.sock', 'off'],
  plainLogins: ['private', 'all'],
  trustedProxies: ['10.0.0.0/8, fd00::/8', '192.168.1.5', ''],
  corsOrigins: ['https://Vault.example.org, http://localhost:3000', ''],
  tls: ['local', 'files'],
  tlsCert: ['/etc/my certificates/fullchain.pem'],
  tlsKey: ['/etc/my certificates/privkey.pem'],
  tlsNames: ['Pi.lan, [fd00::5] 192.168.1.5', ''],
  logFormat: ['text', 'json'],
  logLevel: ['debug', 'info', 'warn', 'error'],
  secretKey: [],
  tokenSeconds: ['1', '600'],
  maxBody: ['1024', '2 MB', '1500 kb'],
  maxVault: ['32 MB', '1gb', '1500 KB'],
  listCache: ['64 MB', '0', '1500 KB'],
  minFreeSpace: ['64 MB', '1gb', '1500 KB', '1', '0'],
  emailConfirmation: ['auto', 'required', 'off'],
  signUps: ['open', 'invited', 'closed'],
  signUpDomains: ['Example.org, müller.example', ''],
  publicUrl: ['https://vault.example.org', 'http://[::1]:8080/path'],
  publicHosts: ['a.lan b.lan:8080,C.lan', ''],
  linkMinutes: ['60'],
  unconfirmedDays: ['0'],
  history: ['off'],
  auditDays: ['0'],
  rateLimits: ['guesses=5/10m, sign-ups=1/1d', 'guessed-accounts=7/90s', 'off', ''],
  loginQueue: ['1'],
  backupDir: ['/mnt/disk'],
  backupSchedule: ['daily', '3:30', '23:59'],
  backupKeep: ['7 daily, 4 weekly, 12 monthly', '1 weekly'],
  backupEncryptTo: ['age1abc, age1def', ''],
  backupPassphrase: [],
  mdns: ['yes', 'no'],
  acmeNames: ['Vault.example.org, müller.example', ''],
  acmeEmail: ['you@example.org'],
  acmeDirectory: ['https://ca.example.org/acme/directory'],
  acmeStaging: ['yes', 'no'],
  acmeCa: ['/etc/ca.pem'],
  acmeEabKid: ['kid-1'],
  acmeEabKey: [],
  mailUrl: ['smtp://mail.lan', 'smtps://[::1]:25', 'smtps://mail.lan:465'],
  mailFrom: [
    'me@nas.lan',
    'The Vault <me@nas.lan>',
    ' <me@nas.lan>',
    '"The \\"Vault\\", \\\\ <x>" <me@nas.lan>',
    'tür@müller.lan',
  ],
  mailAllowPlain: ['yes', 'off'],
  mailCa: ['/etc/ssl/mail ca.pem'],
  mailEhloName: ['Vault.Example.org', '192.0.2.1', '[2001:db8::1]'],
  mailServer: ['mail.lan'],
  mailPort: ['25'],
  mailUsername: ['me'],
  mailPassword: [],
  mailUseSsl: ['true', 'no'],
  mailUseTls: ['1'],
}

describe('the displayed value of a setting', () => {
  test.each(settingKeys.flatMap((key) => samples[key].map((text) => [key, text] as const)))(
    '%s: %p can be parsed again',
    (key, text) => {
      const again = display(key, text) ?? ''
      expect(settingTable[key].parse(again)).toEqual(settingTable[key].parse(text))
      expect(display(key, again)).toBe(again)
    },
  )

  test.each([
    ['secretKey', 'a very secret key', redactedText],
    ['mailPassword', 'very secret', redactedText],
    [
      'database',
      'postgres://me:very%20secret@db.lan/db',
      `postgres://me:${redactedText}@db.lan/db`,
    ],
    ['mailUrl', 'smtps://me%40x:secret@mail.lan', `smtps://me%40x:${redactedText}@mail.lan`],
    ['mailUrl', 'smtp://me:secret@[::1]:25', `smtp://me:${redactedText}@[::1]:25`],
  ] as const)('%s: hides secrets, and nothing else', (key, text, expected) => {
    expect(display(key, text)).toBe(expected)
    // Dots are a valid password: what is displayed can be parsed again.
    expect(display(key, expected.padEnd(16, '•')) ?? '').toContain(redactedText)
  })

  test('of a default is the value, or null for no value', () => {
    const { origins } = readSettings({ environment: {}, flags: { dataDir: '/x' }, file: null })
    const displayedOf = (key: keyof SettingValues) => origins.get(key)?.displayValue
    expect([...origins.keys()]).toEqual([...settingKeys])
    expect(displayedOf('dataDir')).toBe('/x')
    expect(displayedOf('listen')).toBe('0.0.0.0:5000, [::]:5000')
    expect(displayedOf('tokenSeconds')).toBe('600')
    expect(displayedOf('publicHosts')).toBe('')
    expect(displayedOf('mailAllowPlain')).toBe('no')
    for (const key of ['database', 'secretKey', 'mailUrl', 'mailPort'] as const) {
      expect(displayedOf(key), key).toBeNull()
    }
  })
})
