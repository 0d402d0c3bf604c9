/**
 * What each command prints with --json, by example. This is a promise to scripts: no member is renamed or removed, and none
 * changes its type; a new one may be added. docs/cli.md shows the examples, and test/cli/json.test.ts compares them with what
 * the commands print.
 */

/** A value of JSON as an example. It stands for all values of its type; a text in ISO 8601 stands for times. */
export type Example =
  | string
  | number
  | boolean
  | OrNull
  | OneOf
  | EmptyList
  | readonly Example[]
  | { readonly [member: string]: Example }

/** A value that can be null, and is in the example if `isShown` is false. */
export class OrNull {
  readonly value: Example
  readonly isShown: boolean

  constructor(value: Example, isShown: boolean) {
    this.value = value
    this.isShown = isShown
  }
}

/** A text of a closed set. The first one is the example. */
export class OneOf {
  readonly texts: readonly string[]

  constructor(texts: readonly string[]) {
    this.texts = texts
  }
}

/** A list that is empty in the example, and what it can have. */
export class EmptyList {
  readonly item: Example

  constructor(item: Example) {
    this.item = item
  }
}

const orNull = (value: Example) => new OrNull(value, true)
const nullOr = (value: Example) => new OrNull(value, false)
const oneOf = (...texts: readonly string[]) => new OneOf(texts)
const emptyOr = (item: Example) => new EmptyList(item)

const mac = '9d0c1c6ef1a44cc4b1de0d7f7d5c1b3a9d0c1c6ef1a44cc4b1de0d7f7d5c1b3a'
const caFingerprint =
  'B1:5C:0E:44:9A:27:D0:13:6F:88:C2:5E:71:AB:3D:90:0F:E6:54:BB:1A:C9:72:38:DD:41:6A:85:F3:2E:97:CB'
const fingerprint =
  '3F:A2:77:1C:E0:95:4B:D8:26:6E:B3:09:58:F1:CC:84:12:9D:47:EA:60:3B:D5:7E:A9:14:C8:52:8F:06:E3:71'

const account = {
  id: 'b53b6a4e-6ff1-4d7e-8e5b-1c4d8a2f9e10',
  email: 'you@example.org',
  is_confirmed: true,
  is_disabled: false,
  records: 120,
  notes: 14,
  additional_fields: 31,
  pending_emails: 0,
  created: '2026-03-02T08:15:44.310Z',
  last_sign_in: orNull('2026-11-25T16:31:05.123Z'),
  deleted: nullOr('2026-11-25T16:31:05.123Z'),
}

/** By command. */
export const jsonOutput: Readonly<Record<string, Example>> = {
  status: {
    status: oneOf('running', 'failing', 'stopped'),
    version: '0.2.0',
    server: orNull({ pid: 812, version: '0.2.0', started: '2026-11-20T06:00:03.512Z' }),
    addresses: ['https://192.168.1.5:5443/', 'http://192.168.1.5:5000/'],
    web_vault: orNull('https://192.168.1.5:5443/vault/'),
    database: '/var/lib/snailpass/snailpass.db',
    accounts: orNull({ confirmed: 3, unconfirmed: 0, disabled: 0, deleted: 0 }),
    vaults: orNull({
      records: 412,
      additional_fields: 58,
      notes: 37,
      size_bytes: 268431,
      history_bytes: 10240,
    }),
    sign_up: oneOf('invited', 'open', 'closed'),
    last_backup: orNull({
      file: '/var/lib/snailpass/backups/snailpass-20261125T031502Z.sqlite',
      time: '2026-11-25T03:15:02.207Z',
    }),
    certificate: orNull({
      mode: oneOf('local', 'files', 'acme'),
      expires: '2027-12-20T06:00:02.000Z',
    }),
    free_bytes: orNull(27917287424),
    problems: emptyOr('the database is away'),
    warnings: emptyOr('stale_backup: the last good backup is 3 days old'),
  },
  'backup list': [
    {
      file: '/var/lib/snailpass/backups/snailpass-20261125T031502Z.sqlite',
      time: '2026-11-25T03:15:02.207Z',
      size_bytes: 299008,
      is_encrypted: false,
      rows: orNull(1204),
      is_complete: true,
    },
  ],
  'backup verify': {
    status: oneOf('verified'),
    file: '/mnt/usb/snailpass-20261125T031502Z.sqlite',
    time: '2026-11-25T03:15:02.207Z',
    version: '0.2.0',
    engine: oneOf('sqlite', 'postgres'),
    is_encrypted: false,
    has_secrets: false,
    signature: oneOf('signed_here', 'other_key', 'no_key', 'unsigned'),
    tables: [{ name: 'users', rows: 3, sha256: mac }],
  },
  'service status': {
    status: oneOf('ready', 'not_ready'),
    version: orNull('0.2.0'),
    service: orNull({ state: 'active', since: orNull('2026-11-20T06:00:03.000Z') }),
    addresses: ['https://192.168.1.5:5443/', 'http://192.168.1.5:5000/'],
    problems: emptyOr('/var/lib/snailpass/snailpass.db is damaged'),
    settings_problems: emptyOr('invalid SNAILPASS_LISTEN "x": use HOST:PORT or unix:/PATH'),
  },
  'tls show': {
    mode: oneOf('local', 'files', 'acme'),
    is_served: true,
    certificate: orNull({
      file: '/var/lib/snailpass/tls/leaf.pem',
      subject: 'CN=nas.lan',
      issuer: 'CN=SnailPass CA of nas',
      names: ['nas.lan', '192.168.1.5'],
      valid_from: '2026-11-20T06:00:02.000Z',
      expires: '2027-12-20T06:00:02.000Z',
      sha256: fingerprint,
    }),
    ca: orNull({
      file: '/var/lib/snailpass/tls/ca.crt',
      subject: 'CN=SnailPass CA of nas',
      valid_from: '2026-11-20T06:00:02.000Z',
      expires: '2036-11-20T06:00:02.000Z',
      sha256: caFingerprint,
      permitted_names: ['lan', 'local', '192.168.0.0/16'],
    }),
  },
  'tls ca': {
    pem: '-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n',
    sha256: caFingerprint,
  },
  'mail list': [
    {
      id: '4f6e5c1a-0d3b-4f43-9a57-2b7f6a1e9c55',
      kind: oneOf('confirmation', 'invitation', 'password-changed'),
      recipient: 'you@example.org',
      state: oneOf('queued', 'sending', 'dead'),
      attempts: 2,
      created: '2026-11-25T16:31:05.123Z',
      next_attempt: orNull('2026-11-25T16:36:09.410Z'),
      reason: orNull('451 4.7.1 Greylisted, try again later'),
    },
  ],
  'user list': [account],
  'user show': { ...account, vault_bytes: 91347, history_versions: 12, history_bytes: 8406 },
  'user devices': [
    {
      kind: oneOf(
        'android',
        'windows',
        'chrome',
        'edge',
        'firefox',
        'opera',
        'safari',
        'samsung',
        'other',
        'unknown',
      ),
      network: '2001:db8:1:2::/64',
      first_seen: orNull('2026-03-02T08:15:44.310Z'),
      last_seen: '2026-11-25T16:31:05.123Z',
    },
  ],
  'user invitations': [{ email: 'anna@example.org', created: '2026-11-25T16:31:05.123Z' }],
  'user history': [
    {
      version: 81985529216486,
      time: '2026-11-25T16:31:05.123Z',
      kind: oneOf('record', 'note'),
      reason: oneOf('replaced', 'deleted'),
      size_bytes: 412,
      entry_id: '7c0e2f7e-6c1e-4f0e-9f5e-3a3b1f0c2d11',
    },
  ],
  audit: [
    {
      number: 17,
      time: '2026-11-25T16:31:05.123Z',
      kind: 'login',
      actor: oneOf('user', 'operator', 'server'),
      user_id: orNull(account.id),
      email: orNull('you@example.org'),
      address: orNull('192.168.1.23'),
      count: 1,
      detail: nullOr('2 rows missing'),
    },
  ],
  'audit verify': {
    status: oneOf('verified', 'failed'),
    rows: 214,
    pruned_up_to: nullOr(80),
    newest: orNull(`294:${mac}`),
    expected: nullOr(oneOf('found', 'pruned', 'missing')),
    problems: emptyOr('row 212 was changed'),
    notes: emptyOr('16 rows before row 17 were signed without verification'),
  },
  config: {
    status: oneOf('ok', 'invalid'),
    file: orNull('/etc/snailpass/snailpass.env'),
    settings: [
      {
        name: 'SNAILPASS_LISTEN',
        value: orNull('0.0.0.0:5000'),
        source: oneOf('file', 'flag', 'environment', 'default'),
        from: orNull('SNAILPASS_LISTEN in /etc/snailpass/snailpass.env'),
        meaning: 'addresses to listen on for HTTP',
        is_secret: false,
        problem: nullOr('use HOST:PORT or unix:/PATH'),
      },
    ],
    problems: emptyOr('invalid SNAILPASS_MAX_VAULT "x": use a size'),
    warnings: emptyOr('SNAILPASS_LISTN is not a setting'),
  },
  doctor: {
    status: oneOf('problems', 'ok', 'incomplete'),
    checks: [
      {
        name: 'backups',
        status: oneOf('problems', 'ok', 'incomplete'),
        fact: orNull('the last good one is 3 days old'),
        findings: [
          {
            what: 'the last good backup is 3 days old',
            why: 'changes since then are lost if the disk fails',
            fix: 'snailpass backup',
          },
        ],
        fixed: emptyOr('wrote /var/lib/snailpass/backups/snailpass-20261125T163105Z.sqlite'),
        failure: nullOr('the database has to be usable first'),
      },
    ],
  },
  healthcheck: {
    status: oneOf('ready', 'not_ready'),
    address: '127.0.0.1:5000',
    problems: emptyOr('the database is away'),
    warnings: emptyOr('stale_backup: the last good backup is 3 days old'),
  },
  update: {
    status: oneOf('update_available', 'up_to_date'),
    version: '0.2.0',
    release_version: '0.3.0',
    release_date: '2026-12-01',
    from: 'https://snailpass.example/releases/latest',
  },
  version: {
    ...{ version: '0.2.0', commit: '4f1c2ab', platform: 'linux-x64' },
    release_keys: emptyOr('RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3'),
  },
}

/** What any command prints to stderr with --json if something is wrong. */
export const jsonReport: Example = {
  errors: [
    {
      code: oneOf(
        'not_found',
        'invalid',
        'unauthenticated',
        'forbidden',
        'conflict',
        'outdated',
        'too_large',
        'rate_limited',
        'vault_full',
        'unavailable',
        'storage_full',
        'internal',
      ),
      message: 'there is no account nobody@example.org',
      hint: orNull('use the email or the id of an account; `snailpass user list` prints both'),
    },
  ],
  warnings: emptyOr('the data folder is a relative path'),
}

/** Returns an example as the JSON that a command prints. */
export function showExample(example: Example): unknown {
  if (example instanceof OrNull) return example.isShown ? showExample(example.value) : null
  if (example instanceof OneOf) return example.texts[0]
  if (example instanceof EmptyList) return []
  if (Array.isArray(example)) return example.map(showExample)
  if (typeof example !== 'object') return example
  return Object.fromEntries(
    Object.entries(example).map(([name, value]) => [name, showExample(value)]),
  )
}

/** Returns what the JSON of an example does not show, in Markdown: the values of closed sets, and what can be null. */
export function describeExample(example: Example): readonly string[] {
  const nullable: string[] = []
  const sets: string[] = []
  const visit = (value: Example, name: string): void => {
    if (value instanceof OrNull) {
      nullable.push(`\`${name}\``)
      visit(value.value, name)
    } else if (value instanceof OneOf) {
      if (value.texts.length > 1) sets.push(`\`${name}\` is ${listOf(value.texts, 'or')}.`)
    } else if (value instanceof EmptyList) visit(value.item, name)
    else if (Array.isArray(value)) for (const each of value.slice(0, 1)) visit(each, name)
    else if (typeof value === 'object') {
      for (const [member, inner] of Object.entries(value))
        visit(inner, name === '' ? member : `${name}.${member}`)
    }
  }
  visit(example, '')
  const nulls = nullable.length === 0 ? [] : [`Can be null: ${listOf(nullable, 'and', '')}.`]
  return [...sets, ...nulls]
}

function listOf(words: readonly string[], conjunction: string, quote = '`'): string {
  const quoted = words.map((word) => `${quote}${word}${quote}`)
  const last = quoted.at(-1) ?? ''
  return quoted.length < 2 ? last : `${quoted.slice(0, -1).join(', ')} ${conjunction} ${last}`
}
