import { describe, expect, test } from 'bun:test'
import { loadConfig } from '../../src/config/load'

function load(environment: Record<string, string>) {
  return loadConfig({ environment, flags: {}, file: null })
}

/** The mail server of the settings, its password shown. */
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
    ['smtp://127.0.0.1', { host: '127.0.0.1', port: 587, security: 'opportunistic' }],
    ['smtp://127.example.com', { host: '127.example.com', port: 587, security: 'starttls' }],
    ['smtp://[::1]:2525', { host: '::1', port: 2525, security: 'opportunistic' }],
  ])('%p is read', (url, server) => {
    expect(mailOf({ SNAILPASS_MAIL_URL: url, ...from })).toEqual({
      ...server,
      user: null,
      password: null,
      from: { name: '', address: 'vault@nas.lan' },
    } as never)
  })

  test('has user and password percent-encoded, and the user is the sender', () => {
    expect(mailOf({ SNAILPASS_MAIL_URL: 'smtps://me%40nas.lan:p%40ss%3A@mail.lan' })).toMatchObject(
      {
        user: 'me@nas.lan',
        password: 'p@ss:',
        from: { name: '', address: 'me@nas.lan' },
      },
    )
  })

  test.each([
    ['mail.lan', 'SNAILPASS_MAIL_URL is not a mail URL'],
    ['https://mail.lan', 'SNAILPASS_MAIL_URL is not a mail URL'],
    ['smtp://me@mail.lan', 'SNAILPASS_MAIL_URL has a user without a password'],
    ['smtp://me:secret%@mail.lan', 'SNAILPASS_MAIL_URL has a % that begins no percent-encoding'],
    ['smtp://mail.lan:99999', 'SNAILPASS_MAIL_URL is not a mail URL'],
  ])('%p is refused without a word of a password', (url, message) => {
    expect(() => load({ SNAILPASS_MAIL_URL: url, ...from })).toThrow(message)
    expect(() => load({ SNAILPASS_MAIL_URL: url, ...from })).not.toThrow('secret')
  })

  test('may be plain only where that is meant', () => {
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

  test('are those of its own mail server, with TLS from the start', () => {
    expect(mailOf({ ...account, MAIL_DEFAULT_SENDER: 'vault@gmail.com' })).toEqual({
      host: 'smtp.googlemail.com',
      port: 465,
      security: 'tls',
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
    // The port says it as well.
    expect(mailOf({ ...account, MAIL_PORT: '587' })).toMatchObject({ security: 'starttls' })
  })

  test.each([
    [{ MAIL_USERNAME: 'me@gmail.com' }, 'MAIL_PASSWORD is missing'],
    [{ MAIL_PASSWORD: 'secret', MAIL_SERVER: 'mail.lan' }, 'MAIL_USERNAME is missing'],
    [{ MAIL_PASSWORD: 'secret' }, 'mail is set up by half'],
    [{ MAIL_DEFAULT_SENDER: 'me@gmail.com' }, 'mail is set up by half'],
    [{ MAIL_SERVER: 'mail.lan' }, 'SNAILPASS_MAIL_FROM is missing'],
    [{ ...account, MAIL_SERVER: 'mail.lan:587' }, 'MAIL_SERVER is not a host'],
    [{ ...account, MAIL_USE_SSL: 'yes', MAIL_USE_TLS: 'yes' }, 'are both on'],
    [{ ...account, SNAILPASS_MAIL_URL: 'smtp://mail.lan' }, 'SNAILPASS_MAIL_URL is set, and'],
    [
      { ...account, MAIL_USE_SSL: 'no' },
      'MAIL_USE_SSL and MAIL_USE_TLS are off, and letters would be sent for everybody to read',
    ],
  ])('%p stop the start, with what is missing', (environment, message) => {
    expect(() => load({ ...environment })).toThrow(message)
    expect(() => load({ ...environment })).not.toThrow('secret')
  })
})

test('a confirmation that nobody can be asked for is warned about', () => {
  expect(load({ SNAILPASS_EMAIL_CONFIRMATION: 'required' }).warnings).toHaveLength(1)
  const withMail = { SNAILPASS_MAIL_URL: 'smtps://mail.lan', ...from }
  expect(load({ SNAILPASS_EMAIL_CONFIRMATION: 'required', ...withMail }).warnings).toEqual([])
  expect(load({}).warnings).toEqual([])
})

test('a sender can have a name, whatever is in it', () => {
  const fromOf = (text: string) =>
    load({ SNAILPASS_MAIL_URL: 'smtps://mail.lan', SNAILPASS_MAIL_FROM: text }).settings.mail?.from
  expect(fromOf('Snail; Pass: x <a@b.cc>')).toEqual({ name: 'Snail; Pass: x', address: 'a@b.cc' })
  expect(() => fromOf('a@b.cc\r\nBcc: x@y.zz')).toThrow('SNAILPASS_MAIL_FROM is not a sender')
})

test('a public URL ends in a slash, and is no more than an address', () => {
  const urlOf = (text: string) => load({ SNAILPASS_PUBLIC_URL: text }).settings.publicUrl?.href
  expect(urlOf('https://vault.example.org')).toBe('https://vault.example.org/')
  expect(urlOf('https://example.org/vault')).toBe('https://example.org/vault/')
  for (const wrong of [
    'vault.example.org',
    'ftp://x/',
    'https://x/?a',
    'https://me:x@x/',
    'https://:x@x/',
  ]) {
    expect(() => urlOf(wrong)).toThrow('SNAILPASS_PUBLIC_URL is not a web address')
  }
})

test('further hosts are written as requests name them', () => {
  const hostsOf = (text: string) => load({ SNAILPASS_PUBLIC_HOSTS: text }).settings.publicHosts
  expect(hostsOf('Vault.LAN, proxy.lan:8443 pi:80')).toEqual(['vault.lan', 'proxy.lan:8443', 'pi'])
  for (const wrong of ['https://vault.lan', 'vault.lan/x', 'a@b']) {
    expect(() => hostsOf(wrong)).toThrow('SNAILPASS_PUBLIC_HOSTS holds what is no host')
  }
})

test('what is wrong with a setting is not in the way of a command that has no use for it', () => {
  const environment = { MAIL_PASSWORD: 'x', SNAILPASS_LISTEN: 'nonsense' }
  const { settings } = loadConfig({ environment, flags: {}, file: null, keys: ['dataDir'] })
  expect(settings).toMatchObject({ mail: null, listen: [{ port: 5000 }] })
})
