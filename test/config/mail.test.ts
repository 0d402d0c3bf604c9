import { describe, expect, test } from 'bun:test'
import { loadConfig } from '../../src/config/load'

function load(environment: Record<string, string>) {
  return loadConfig({ environment, flags: {}, file: null })
}

/** Returns the mail server of the settings with its password revealed. */
function mailOf(environment: Record<string, string>) {
  const { mail } = load(environment).settings
  return mail === null ? null : { ...mail, password: mail.password?.reveal() ?? null }
}

const from = { SNAILPASS_MAIL_FROM: 'vault@nas.lan' }

describe('a mail URL', () => {
  test.each([
    ['smtps://mail.lan', { host: 'mail.lan', port: 465, security: 'tls' }],
    ['smtp://mail.lan', { host: 'mail.lan', port: 587, security: 'starttls' }],
    ['smtp://mail.lan:25/', { host: 'mail.lan', port: 25, security: 'starttls' }],
    ['smtp://mail.lan:65535', { host: 'mail.lan', port: 65_535, security: 'starttls' }],
    ['smtp://127.0.0.1', { host: '127.0.0.1', port: 587, security: 'opportunistic' }],
    ['smtp://127.example.com', { host: '127.example.com', port: 587, security: 'starttls' }],
    ['smtp://[::1]:2525', { host: '::1', port: 2525, security: 'opportunistic' }],
  ])('%p is parsed', (url, server) => {
    expect(mailOf({ SNAILPASS_MAIL_URL: url, ...from })).toEqual({
      ...server,
      ca: null,
      ehloName: 'nas.lan',
      user: null,
      password: null,
      from: { name: '', address: 'vault@nas.lan' },
    } as never)
  })

  test('contains user and password in percent-encoding, and the user is the sender', () => {
    expect(mailOf({ SNAILPASS_MAIL_URL: 'smtps://me%40nas.lan:p%40ss%3A@mail.lan' })).toMatchObject(
      {
        user: 'me@nas.lan',
        password: 'p@ss:',
        from: { name: '', address: 'me@nas.lan' },
      },
    )
  })

  test.each([
    ['mail.lan', 'invalid SNAILPASS_MAIL_URL: not a mail URL'],
    ['https://mail.lan', 'invalid SNAILPASS_MAIL_URL: not a mail URL'],
    ['smtp://me@mail.lan', 'invalid SNAILPASS_MAIL_URL: it has a user but no password'],
    [
      'smtp://me:secret%@mail.lan',
      'invalid SNAILPASS_MAIL_URL: a % is not followed by two hexadecimal digits',
    ],
    ['smtp://mail.lan:65536', 'invalid SNAILPASS_MAIL_URL: not a mail URL'],
    ['smtp://mail.lan:99999', 'invalid SNAILPASS_MAIL_URL: not a mail URL'],
  ])('%p is refused without its password', (url, message) => {
    expect(() => load({ SNAILPASS_MAIL_URL: url, ...from })).toThrow(message)
    expect(() => load({ SNAILPASS_MAIL_URL: url, ...from })).not.toThrow('secret')
  })

  test('may lead to an unencrypted connection only if that is allowed', () => {
    const plain = {
      SNAILPASS_MAIL_URL: 'smtp://mail.lan',
      SNAILPASS_MAIL_ALLOW_PLAIN: 'yes',
      ...from,
    }
    expect(mailOf(plain)).toMatchObject({ security: 'opportunistic' })
  })
})

describe("the original server's mail settings", () => {
  const account = { MAIL_USERNAME: 'me@gmail.com', MAIL_PASSWORD: 'secret' }

  test('mean its own mail server by default, with TLS from the start', () => {
    expect(mailOf({ ...account, MAIL_DEFAULT_SENDER: 'vault@gmail.com' })).toEqual({
      host: 'smtp.googlemail.com',
      port: 465,
      security: 'tls',
      ca: null,
      ehloName: 'gmail.com',
      user: 'me@gmail.com',
      password: 'secret',
      from: { name: '', address: 'vault@gmail.com' },
    })
  })

  test('can name another server, and STARTTLS', () => {
    const other = {
      ...account,
      MAIL_SERVER: 'mail.lan',
      MAIL_USE_TLS: 'True',
      MAIL_USE_SSL: 'False',
    }
    expect(mailOf(other)).toMatchObject({ host: 'mail.lan', port: 587, security: 'starttls' })
    expect(mailOf({ ...other, MAIL_PORT: '25' })).toMatchObject({ port: 25 })
    // The port implies STARTTLS as well.
    expect(mailOf({ ...account, MAIL_PORT: '587' })).toMatchObject({ security: 'starttls' })
  })

  test.each([
    [{ MAIL_USERNAME: 'me@gmail.com' }, 'MAIL_PASSWORD is missing'],
    [{ MAIL_PASSWORD: 'secret', MAIL_SERVER: 'mail.lan' }, 'MAIL_USERNAME is missing'],
    [{ MAIL_PASSWORD: 'secret' }, 'the mail settings are incomplete'],
    [{ MAIL_DEFAULT_SENDER: 'me@gmail.com' }, 'the mail settings are incomplete'],
    [{ MAIL_SERVER: 'mail.lan' }, 'SNAILPASS_MAIL_FROM is missing'],
    [
      { ...account, MAIL_SERVER: 'mail.lan:587' },
      'invalid MAIL_SERVER "mail.lan:587": use a host name',
    ],
    [{ ...account, MAIL_USE_SSL: 'yes', MAIL_USE_TLS: 'yes' }, 'are both on'],
    [{ ...account, SNAILPASS_MAIL_URL: 'smtp://mail.lan' }, 'SNAILPASS_MAIL_URL is set, but'],
    [
      { ...account, MAIL_USE_SSL: 'no' },
      'MAIL_USE_SSL and MAIL_USE_TLS are off, so emails would be sent unencrypted',
    ],
  ])('%p stop the start with an error that names the problem', (environment, message) => {
    expect(() => load({ ...environment })).toThrow(message)
    expect(() => load({ ...environment })).not.toThrow('secret')
  })
})

test('required confirmation without a mail server is warned about', () => {
  expect(load({ SNAILPASS_EMAIL_CONFIRMATION: 'required' }).warnings).toHaveLength(1)
  const withMail = { SNAILPASS_MAIL_URL: 'smtps://mail.lan', ...from }
  expect(load({ SNAILPASS_EMAIL_CONFIRMATION: 'required', ...withMail }).warnings).toEqual([])
  expect(load({}).warnings).toEqual([])
})

describe('the name in EHLO', () => {
  const ehloNameOf = (settings: Record<string, string>) =>
    mailOf({ SNAILPASS_MAIL_URL: 'smtps://mail.lan', ...settings })?.ehloName
  const sender = (address: string) => ({ SNAILPASS_MAIL_FROM: address })
  const at = (url: string) => ({ SNAILPASS_PUBLIC_URL: url, ...from })

  test.each([
    ['the host of the public URL', at('https://Vault.example.org:8443/x'), 'vault.example.org'],
    ['in ASCII', at('https://müller.example/'), 'xn--mller-kva.example'],
    ['also of a home network', at('http://pi.local:5000'), 'pi.local'],
    ['without a dot at its end', at('https://vault.example.org./'), 'vault.example.org'],
    ['else the domain of the sender, for a host that is no name', at('http://pi:5000'), 'nas.lan'],
    ['or an address', at('http://192.168.1.5:5000'), 'nas.lan'],
    ['or an IPv6 address', at('http://[fd00::5]:5000'), 'nas.lan'],
    ['or this machine', at('http://vault.localhost/'), 'nas.lan'],
    ['without a public URL', from, 'nas.lan'],
    ['in ASCII as well', sender('Tür <tür@Nas.Müller>'), 'nas.xn--mller-kva'],
    ['also one that is an address', sender('vault@[192.0.2.1]'), '[192.0.2.1]'],
  ])('is %s', (_, settings, name) => {
    expect(ehloNameOf(settings)).toBe(name)
  })

  test.each([
    ['Mail.example.org.', 'mail.example.org'],
    ['müller.example', 'xn--mller-kva.example'],
    ['pi', 'pi'],
    ['192.0.2.1', '[192.0.2.1]'],
    ['[192.0.2.1]', '[192.0.2.1]'],
    ['[2001:db8::1]', '[IPv6:2001:db8::1]'],
    ['[IPv6:2001:db8::1]', '[IPv6:2001:db8::1]'],
  ])('can be set: %s', (text, name) => {
    const settings = { ...at('https://vault.example.org'), SNAILPASS_MAIL_EHLO_NAME: text }
    expect(ehloNameOf(settings)).toBe(name)
  })

  test.each(['two names', 'https://vault.example.org', '[pi]', 'a@b.cc', 'pi:25'])(
    'is refused if it is no name: %p',
    (text) => {
      expect(() => ehloNameOf({ ...from, SNAILPASS_MAIL_EHLO_NAME: text })).toThrow(
        'invalid SNAILPASS_MAIL_EHLO_NAME',
      )
    },
  )
})

test('the file with trusted certificates is a path, and needs a mail server', () => {
  const ca = { SNAILPASS_MAIL_CA: '/etc/ssl/mail.pem' }
  expect(mailOf({ SNAILPASS_MAIL_URL: 'smtps://mail.lan', ...from, ...ca })).toMatchObject({
    ca: '/etc/ssl/mail.pem',
  })
  expect(() => load(ca)).toThrow('the mail settings are incomplete')
})

test('a sender can have any name, which may be in quotation marks', () => {
  const fromOf = (text: string) =>
    load({ SNAILPASS_MAIL_URL: 'smtps://mail.lan', SNAILPASS_MAIL_FROM: text }).settings.mail?.from
  for (const [text, name] of [
    ['Snail; Pass: x <a@b.cc>', 'Snail; Pass: x'],
    ['Müllers "Schnecke" <a@b.cc>', 'Müllers "Schnecke"'],
    ['"Müller, Schnecke" <a@b.cc>', 'Müller, Schnecke'],
    ['"a \\"b\\" \\\\ <c@d.ee>"<a@b.cc>', 'a "b" \\ <c@d.ee>'],
    ['"" <a@b.cc>', ''],
    ['<a@b.cc>', ''],
  ] as const) {
    expect(fromOf(text)).toEqual({ name, address: 'a@b.cc' })
  }
  for (const invalid of ['a <b <a@b.cc>', '"a" <b> <a@b.cc>', 'a\tb <a@b.cc>', '<a@b.cc> x']) {
    expect(() => fromOf(invalid)).toThrow('use ADDRESS or NAME <ADDRESS>')
  }
  expect(() => fromOf('a@b.cc\r\nBcc: x@y.zz')).toThrow(
    'invalid SNAILPASS_MAIL_FROM "a@b.cc Bcc: x@y.zz": use ADDRESS or NAME <ADDRESS>',
  )
})

test('a public URL ends in one slash, and has no credentials or parameters', () => {
  const urlOf = (text: string) => load({ SNAILPASS_PUBLIC_URL: text }).settings.publicUrl?.href
  expect(urlOf('https://vault.example.org')).toBe('https://vault.example.org/')
  expect(urlOf('https://example.org/vault')).toBe('https://example.org/vault/')
  expect(urlOf('https://example.org//')).toBe('https://example.org/')
  expect(urlOf('https://example.org//vault///x//')).toBe('https://example.org/vault/x/')
  for (const invalid of [
    'vault.example.org',
    'ftp://x/',
    'https://x/?a',
    'https://me:x@x/',
    'https://:x@x/',
  ]) {
    expect(() => urlOf(invalid)).toThrow('invalid SNAILPASS_PUBLIC_URL: use a URL such as')
  }
})

test('public hosts are normalized to the form in requests', () => {
  const hostsOf = (text: string) => load({ SNAILPASS_PUBLIC_HOSTS: text }).settings.publicHosts
  expect(hostsOf('Vault.LAN, proxy.lan:8443 pi:80')).toEqual(['vault.lan', 'proxy.lan:8443', 'pi'])
  for (const invalid of ['https://vault.lan', 'vault.lan/x', 'a@b']) {
    expect(() => hostsOf(invalid)).toThrow(
      `invalid host "${invalid}" in SNAILPASS_PUBLIC_HOSTS: use HOST or HOST:PORT`,
    )
  }
})

test('an invalid setting is ignored by a command that does not use it', () => {
  const environment = { MAIL_PASSWORD: 'x', SNAILPASS_LISTEN: 'nonsense' }
  const { settings } = loadConfig({ environment, flags: {}, file: null, keys: ['dataDir'] })
  expect(settings).toMatchObject({ mail: null, listen: [{ port: 5000 }, { port: 5000 }] })
})
