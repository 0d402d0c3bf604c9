import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { createRedactor, type Identifiers } from '../../../src/app/support/redaction'

const nothing: Identifiers = { secrets: [], emails: [], homes: [], hosts: [], names: [] }

const redact = (text: string, known: Partial<Identifiers> = {}) =>
  createRedactor({ ...nothing, ...known })(text)

describe('an email address is hidden', () => {
  test.each([
    ['john.doe+vault@acme.io', '<email-1>'],
    ['JOHN.DOE@ACME.IO and john.doe@acme.io', '<email-1> and <email-1>'],
    ['for john@acme.io.', 'for <email-1>.'],
    ['550 <john@acme.io>: unknown', '550 <email-1>: unknown'],
    ["'john@acme.io'", "'<email-1>'"],
    ['to <john@acme.io, or john@acme.io>', 'to <<email-1>, or <email-1>>'],
    ["o'hara@acme.io", '<email-1>'],
    ['"John \\"Q\\" Doe"@acme.io', '<email-1>'],
    ['jörg@müller.io = jörg@xn--mller-kva.io', '<email-1> = <email-1>'],
    ['джон@пример.рф', '<email-1>'],
    ['john@localhost', '<email-1>'],
    ['john@[203.0.113.7]', '<email-1>'],
    ['john%40acme.io = john@acme.io', '<email-1> = <email-1>'],
    ['john\uff20acme.io', '<email-1>'],
    ['bounce=john=acme.io@relay.io', '<email-1>'],
    ['john@acme.io@relay.io', '<email-1>'],
    ['mailto:john@acme.io?subject=x', 'mailto:<email-1>'],
    ['jo\u200bhn@ac\u200bme.io', '<email-1>'],
    ['(john@acme.io), jane@acme.io;', '(<email-1>), <email-2>;'],
  ])('%p', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })

  test('although no rule would find it, if it is known', () => {
    const emails = ['john doe', 'jane roe@acme.io']
    expect(redact('John  Doe and jane\troe@acme.io', { emails })).toBe('<email-1> and <email-2>')
  })
})

describe('of a URL is shown what identifies nobody', () => {
  test.each([
    [
      'postgres://vaultuser:pa%40ss@db.acme.io:5433,10.0.0.1/vaultdb?sslmode=verify-full',
      'postgres://<name-1>:<secret>@<host-1>:5433,10.0.0.1/<name-2>?sslmode=verify-full',
    ],
    ['postgres://u:p@ss/w0rd#x@db.acme.io/db', 'postgres://u:<secret>@<host-1>/db'],
    [
      'postgres://snailpass:•••@localhost/snailpass?sslrootcert=/etc/ssl/acmeroot.pem',
      'postgres://snailpass:•••@localhost/snailpass?sslrootcert=/etc/ssl/<name-1>',
    ],
    ['postgres://me@%2Frun%2Facmepg/db', 'postgres://<name-1>@/run/<name-2>/db'],
    ['smtps://me%40acme.io:•••@mail.acme.io', 'smtps://<email-1>:•••@<host-1>'],
    [
      'https://vault.acme.io:5443/vault/ https://VAULT.acme.io./',
      'https://<host-1>:5443/vault/ https://<host-1>/',
    ],
    ['https://vault.acme.io/confirm/tokenoftheconfirmation', 'https://<host-1>/confirm/<name-1>'],
    ['https://acmevault/?user=john#acme2', 'https://<host-1>/?user=<name-1>#<name-2>'],
    ['http://[2001:db8::7]:80/ http://[::1]:80/', 'http://[<address-1>]:80/ http://[::1]:80/'],
    ['http://[fe80::1%25eth0]:80/', 'http://[fe80::1%eth0]:80/'],
    [
      'http://192.168.1.5:5000/ http://203.0.113.7:5000/',
      'http://192.168.1.5:5000/ http://<address-1>:5000/',
    ],
    ['johnscheme://x/', '<name-1>://x/'],
    ['http://snailpass.local:5000/', 'http://snailpass.local:5000/'],
    [
      'https://acme-v02.api.letsencrypt.org/directory',
      'https://acme-v02.api.letsencrypt.org/directory',
    ],
    ['use smtps://USER:PASSWORD@HOST:465', 'use smtps://USER:PASSWORD@HOST:465'],
  ])('%p', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })
})

describe('a public address is hidden, and a private one is not', () => {
  test.each([
    ['203.0.113.7 and 198.51.100.0/24', '<address-1> and <address-2>/24'],
    ['203.0.113.7.5432 v203.0.113.7x 203.0.113.7', '<address-1>.5432 v<address-1>x <address-1>'],
    ['0.0.0.0:5000, [::]:5000, 127.0.0.1, ::1', '0.0.0.0:5000, [::]:5000, 127.0.0.1, ::1'],
    [
      '10.0.0.0/8 172.16.0.1 192.168.1.5 169.254.1.1',
      '10.0.0.0/8 172.16.0.1 192.168.1.5 169.254.1.1',
    ],
    ['fd00::5 fe80::1%eth0', 'fd00::5 fe80::1%eth0'],
    ['2001:db8::7%eth0 and 2001:DB8:0:0:0:0:0:7', '<address-1> and <address-1>'],
    ['connect to 2001:db8::7: refused', 'connect to <address-1>: refused'],
    ['::ffff:203.0.113.7 is 203.0.113.7', '<address-1> is <address-1>'],
    ['connect ECONNREFUSED ::1:5432', 'connect ECONNREFUSED ::1:5432'],
    ['IP Address:2001:DB8:0:0:0:0:0:7', 'IP Address:<address-1>'],
    // The second half is the number of a network card.
    ['fe80::a00:27ff:fe4e:66a1', '<address-1>'],
    ['08:00:27:4e:66:a1', '<token-1>'],
    ['at 12:30:45, version 3.51.0, 17.2', 'at 12:30:45, version 3.51.0, 17.2'],
    ['it is 2026-11-25T16:31:05.123Z', 'it is 2026-11-25T16:31:05.123Z'],
  ])('%p', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })
})

describe('a name is hidden, unless it consists of common words', () => {
  test.each([
    ['reachable as vault.acme.io', 'reachable as <host-1>'],
    ['VAULT.müller.io, vault.xn--mller-kva.io', '<host-1>, <host-1>'],
    ['ac\u00admé.io', '<host-1>'],
    ['vault.email and pg_hba.conf', '<host-1> and pg_hba.conf'],
    ['john.2024', '<host-1>'],
    [
      '/var/lib/snailpass/backups/snailpass-20261125T031502Z.sqlite',
      '/var/lib/snailpass/backups/snailpass-20261125T031502Z.sqlite',
    ],
    ['/srv/acmedata/snailpass.db: no', '/srv/<name-1>/snailpass.db: no'],
    ['/home/mail/x and /Users/backup/x', '/home/<name-1>/x and /Users/<name-2>/x'],
    [
      '/etc/letsencrypt/live/vault.acme.io/fullchain.pem',
      '/etc/letsencrypt/live/<host-1>/fullchain.pem',
    ],
    ['(/srv/a(john)/b).', '(/srv/<name-1>/b).'],
    [
      'C:\\Users\\John\\AppData\\Local\\snailpass',
      'C:\\Users\\<name-1>\\AppData\\Local\\snailpass',
    ],
    ['\\\\johnsnas\\share', '\\\\<name-1>\\share'],
    [
      'password authentication failed for user "john"',
      'password authentication failed for user "<name-1>"',
    ],
    [
      'Passwort-Authentifizierung für Benutzer »john« fehlgeschlagen',
      'Passwort-Authentifizierung für Benutzer »<name-1>« fehlgeschlagen',
    ],
    ['l’utilisateur « john »', 'l’utilisateur « <name-1> »'],
    ["chmod 600 '/srv/john smith/secret.key'", "chmod 600 '/srv/<name-1> <name-2>'"],
    ['an issuer, "CN=Smith CA, O=Smith"', 'an issuer, "CN=<name-1> CA, O=<name-1>"'],
    [
      "Host: smith. is not in the cert's altnames: DNS:smithmail, DNS:mail.smith.io",
      "Host: <name-1> is not in the cert's altnames: DNS:<name-2>, DNS:<host-1>",
    ],
    ["Host: smith. is not cert's CN: smith mail", "Host: <name-1> is not cert's CN: <name-2> mail"],
    ['the trigger smith_copy on smith_orders', 'the trigger <name-1> on <name-2>'],
    [
      'SNAILPASS_PASWORD_JOHN is no setting, SNAILPASS_LISTEN is',
      '<name-1> is no setting, SNAILPASS_LISTEN is',
    ],
  ])('%p', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })

  test('that is known is hidden in other text, as a word or, if it is long, inside of one', () => {
    const names = ['john', 'johnsmith', 'John Smith', "o'brien", 'snailpass', 'database']
    expect(redact('john, JOHN: johnny', { names })).toBe('<name-1>, <name-1>: johnny')
    expect(redact('xjohnsmithx', { names })).toBe('x<name-1>x')
    expect(redact("/srv/John Smith/x /srv/o'brien/y", { names })).toBe(
      '/srv/<name-1>/x /srv/<name-2>/y',
    )
    expect(redact('the database of snailpass', { names })).toBe('the database of snailpass')
  })

  test('that is known is hidden from two characters on, inside of a word from eight', () => {
    const names = ['jo', 'j', 'johnsmit', 'janesmi']
    expect(redact('jo j xjohnsmitx xjanesmix', { names })).toBe('<name-1> j x<name-2>x xjanesmix')
  })

  test('is hidden whole, also if a part of it is known too', () => {
    const names = ['ann lee', 'ann lee roe', 'zq1']
    expect(redact('ann lee roe, ann lee', { names })).toBe('<name-1>, <name-2>')
    const secrets = ['open sesame7', 'open sesame7 again8']
    expect(redact('open sesame7 again8', { secrets })).toBe('<secret>')
  })

  test('of this machine is hidden as a host, and a home folder as one', () => {
    const known = { hosts: ['johnspi'], homes: ['/home/jo'] }
    expect(redact('http://johnspi:5000/ or johnspi', known)).toBe(
      'http://<host-1>:5000/ or <host-1>',
    )
    expect(redact('/home/jo/x.db /home/john', known)).toBe('<home>/x.db /home/<name-1>')
  })
})

describe('a secret is hidden', () => {
  test('also inside of other text, and with other white space', () => {
    const known = { secrets: ['hunter2hunter2', 'correct horse\nbattery'] }
    expect(redact('a "xhunter2hunter2y" b', known)).toBe('a "x<secret>y" b')
    expect(redact('correct  horse battery', known)).toBe('<secret>')
    expect(redact('https://hunter2hunter2@x/', known)).toBe('https://<secret>@x/')
  })

  test('unless it is a common word, which its gaps would tell', () => {
    const known = { secrets: ['database', '5432', 'ab', 'database-2026'] }
    expect(redact('the database at port 5432, ab', known)).toBe('the database at port 5432, ab')
    expect(redact('not database-2026', known)).toBe('not <secret>')
  })

  test.each([
    ['x7q', '<secret>'],
    ['x7', 'x7'],
    // Common words with a number.
    ['backup-1', '<secret>'],
    ['mail-12', 'mail-12'],
    ['database', 'database'],
  ])('if it can be told from other text: %p', (secret, shown) => {
    expect(redact(`is ${secret} it`, { secrets: [secret] })).toBe(`is ${shown} it`)
  })

  test.each([
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl', '<token-1>'],
    ['key=AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQ', '<token-1>'],
    ['b3BlbiBzZXNhbWUgb3BlbiBz/Zs+A==', '<token-1>'],
    ['550e8400-e29b-41d4-a716-446655440000', '<token-1>'],
    ['AB:CD:EF:01:23:45:67:89', '<token-1>'],
    ['a1b2c3d4e5f6a7b8c9d0', '<token-1>'],
    ['a1b2c3d4e5f6a7b8c9d', 'a1b2c3d4e5f6a7b8c9d'],
    ['idle_in_transaction_session_timeout', 'idle_in_transaction_session_timeout'],
  ])('if it looks random: %p', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })
})

test('the same name has the same placeholder in all texts, and nobody can forge the characters that stand for one', () => {
  const redactor = createRedactor(nothing)
  expect(redactor('a.acme.io b.acme.io')).toBe('<host-1> <host-2>')
  expect(redactor('smtps://attic:465 "attic"')).toBe('smtps://<host-3>:465 "<host-3>"')
  expect(redactor('b.acme.io \u{f0000}')).toBe('<host-2> \ufffd')
})

/** What surrounds a value in messages. */
const surroundings = fc.constantFrom<(value: string) => string>(
  (value) => value,
  (value) => `can't use ${value}: refused`,
  (value) => `failed for user "${value}"`,
  (value) => `550 5.1.1 <${value}>: unknown`,
  (value) => `read '${value}'.`,
  (value) => `x=${value}, (${value});`,
  (value) => `https://${value}/${value}?a=${value}#${value}`,
  (value) => `postgres://${value}:${value}@${value}:1/${value}`,
  (value) => `/srv/${value}/${value}.db`,
  (value) => `C:\\${value}\\x`,
  (value) => `${value}@${value}`,
  (value) => `[${value}]:5000`,
)

const word = fc.stringMatching(/^zq[a-z0-9]{3,12}$/)

test('a known text is hidden, whatever surrounds it', () => {
  const kinds = fc.constantFrom<keyof Identifiers>('secrets', 'names', 'hosts')
  fc.assert(
    fc.property(
      word,
      kinds,
      fc.array(surroundings, { minLength: 1, maxLength: 3 }),
      (value, kind, around) => {
        const text = around.reduce((inner, surround) => surround(inner), value)
        expect(redact(text, { [kind]: [value] })).not.toContain(value)
      },
    ),
    { numRuns: 500 },
  )
})

test('an unknown email, host or address is hidden, whatever surrounds it', () => {
  const values = fc.oneof(
    fc
      .tuple(word, word)
      .map(([local, domain]) => ({ text: `${local}@${domain}.io`, parts: [local, domain] })),
    fc
      .tuple(word, word)
      .map(([one, other]) => ({ text: `${one}.${other}.io`, parts: [one, other] })),
    fc
      .ipV4()
      .filter((address) => /^(?:2[0-9]|4[0-9]|8[0-9])\./.test(address))
      .map((address) => ({ text: address, parts: [address] })),
    fc.nat(0xffff).map((group) => {
      const address = `2001:db8:1:${group.toString(16)}::5eaf`
      return { text: address, parts: [address] }
    }),
  )
  fc.assert(
    fc.property(values, surroundings, ({ text, parts }, surround) => {
      const shown = redact(surround(text))
      for (const part of parts) expect(shown).not.toContain(part)
    }),
    { numRuns: 1_000 },
  )
})
