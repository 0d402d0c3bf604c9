import { expect, test } from 'bun:test'
import { supportReport } from '../../cli/support-report'
import { createRedactor } from '../../src/app/support/redaction'
import type { SupportFacts } from '../../src/app/support/support'
import { readSettings } from '../../src/config/reading'
import { DomainError } from '../../src/domain/errors'
import { commit, platform, version } from '../../src/version'

/** Placeholders are numbered in each report. */
const newRedactor = () =>
  createRedactor({ secrets: [], emails: [], homes: [], hosts: [], names: [] })

const failure = new DomainError('unavailable', 'no permission to read /srv/acmedata/x')

const broken = (): SupportFacts => ({
  ...{ settings: { failure }, machine: { failure }, engine: { failure } },
  ...{ status: { failure }, checks: { failure }, redact: newRedactor() },
})

test('a report has all parts, also if none of them can be told', () => {
  const notKnown = '  not known: no permission to read /srv/<name-1>/x'
  expect(supportReport(broken())).toEqual([
    '```text',
    `snailpass ${version} (${commit}, ${platform})`,
    ...['Machine', 'Database', 'Settings', 'Status', 'Checks'].flatMap((title) => [
      '',
      title,
      notKnown,
    ]),
    '```',
  ])
})

const long = 'the mail server refuses the sign-in of this server, and says why in a long text'
const finding = { what: long, why: ['one reason', 'john@acme.io'], fix: 'snailpass config' }

const whole = (): SupportFacts => ({
  settings: {
    value: readSettings({
      environment: {
        SNAILPASS_MAIL_FROM: 'Vault <john@acme.io>',
        SNAILPASS_TOKEN_SECONDS: 'x',
        SNAILPASS_TLS_CERT: `/etc/ssl/${'certs/'.repeat(8)}fullchain.pem`,
        SNAILPASS_DATABASE_URI: 'sqlite:/var/lib/snailpass/snailpass.db',
      },
      flags: { dataDir: '/var/lib/snailpass' },
      file: null,
    }),
  },
  machine: {
    value: {
      ...{ system: 'Linux 6', architecture: 'x64', processors: 1, memory: 2e9, memoryLimit: 1e9 },
      ...{ container: null, hasSystemd: true, unit: 'john-vault.service', fileSystem: 'ext4' },
    },
  },
  engine: { value: 'SQLite 3.51.0' },
  status: {
    value: {
      ...{ state: 'stopped', server: null, addresses: [], vaultUrl: null, certificate: null },
      ...{ database: '/var/lib/snailpass/snailpass.db', usage: null, lastBackup: null },
      ...{ freeBytes: null, problems: [long], warnings: ['x'] },
    },
  },
  checks: {
    value: [
      { name: 'version', fact: 'snailpass', findings: [], fixed: [], failure: null },
      { name: 'mail', fact: 'an `a` and ```` ', findings: [finding], fixed: [], failure: null },
    ],
  },
  redact: newRedactor(),
})

test('a report fits into 80 columns, and nothing in it ends its code block', () => {
  const lines = supportReport(whole())
  expect(lines).toEqual([
    '`````text',
    `snailpass ${version} (${commit}, ${platform})`,
    '',
    'Machine',
    '  system        Linux 6',
    '  processor     x64, 1 processor',
    '  memory        2.0 GB, 1.0 GB for programs',
    '  container     none known',
    '  systemd       yes, the server is in <name-1>',
    '  data folder   ext4',
    '',
    'Database',
    '  engine        SQLite 3.51.0',
    '',
    'Settings',
    '  file          none',
    '  SNAILPASS_DATA_DIR       --data-dir   /var/lib/snailpass',
    '  SNAILPASS_DATABASE_URL   environment  sqlite:/var/lib/snailpass/snailpass.db',
    '                                        (set as SNAILPASS_DATABASE_URI)',
    // Below its name, beside which there is no room for it.
    '  SNAILPASS_TLS_CERT       environment',
    `      /etc/ssl/${'certs/'.repeat(8)}fullchain.pem`,
    '  SNAILPASS_TOKEN_SECONDS  environment  invalid: "x": use a whole number from 1',
    '                                        to 2592000',
    '  SNAILPASS_MAIL_FROM      environment  Vault <email-1>',
    '',
    'Status',
    '  SnailPass is not running on this data folder.',
    '  database      /var/lib/snailpass/snailpass.db',
    '  sign-up       open',
    '  certificate   none',
    '  problem       the mail server refuses the sign-in of this server, and says why',
    '                in a long text',
    '  warning       x',
    '',
    'Checks',
    'ok version      snailpass',
    '!  mail         an `a` and ````',
    '     what: the mail server refuses the sign-in of this server, and says why in a',
    '           long text',
    '     why:  one reason',
    '           <email-1>',
    '     do:   snailpass config',
    '`````',
  ])
  expect(lines.filter((line) => line.length > 80)).toEqual([])
})

test('settings that nobody has set are left out', () => {
  const settings = {
    value: readSettings({ environment: { HOME: '/nonexistent' }, flags: {}, file: null }),
  }
  const lines = supportReport({ ...broken(), settings })
  expect(lines.slice(lines.indexOf('Settings'), lines.indexOf('Status'))).toEqual([
    'Settings',
    '  file          none',
    '',
  ])
})
