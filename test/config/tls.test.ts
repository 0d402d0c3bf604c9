import { expect, test } from 'bun:test'
import { loadConfig } from '../../src/config/load'

const load = (environment: Record<string, string>) =>
  loadConfig({ environment, flags: {}, file: null }).settings

const files = { SNAILPASS_TLS_CERT: '/etc/cert.pem', SNAILPASS_TLS_KEY: '/etc/key.pem' }

test('names for the certificate are taken in the forms in which people write them', () => {
  expect(load({ SNAILPASS_TLS_NAMES: 'Pi.lan, [FD00::5] fd00:0::6,192.168.1.5' }).tlsNames).toEqual(
    ['pi.lan', 'fd00::5', 'fd00::6', '192.168.1.5'],
  )
})

test.each([
  [{ SNAILPASS_TLS: 'yes' }, 'SNAILPASS_TLS is not local, files or acme: yes'],
  [
    { SNAILPASS_TLS: 'files' },
    'SNAILPASS_TLS is files, and SNAILPASS_TLS_CERT and SNAILPASS_TLS_KEY are not set',
  ],
  [
    { SNAILPASS_TLS: 'files', SNAILPASS_TLS_CERT: '/etc/cert.pem' },
    'SNAILPASS_TLS is files, and SNAILPASS_TLS_KEY is not set',
  ],
  [files, 'SNAILPASS_TLS_CERT is set, and SNAILPASS_TLS is local'],
  [{ SNAILPASS_TLS_KEY: '/etc/key.pem' }, 'SNAILPASS_TLS_KEY is set, and SNAILPASS_TLS is local'],
  [{ ...files, SNAILPASS_TLS_CERT: '~/cert.pem' }, 'SNAILPASS_TLS_CERT is not a file: ~/cert.pem'],
  [{ SNAILPASS_TLS_NAMES: 'https://pi.lan' }, 'holds what is no name or address: https://pi.lan'],
  [{ SNAILPASS_TLS_NAMES: '*.pi.local' }, 'holds what is no name or address: *.pi.local'],
])(
  'settings that contradict each other or make no sense are refused: %p',
  (environment, message) => {
    expect(() => load(environment)).toThrow(
      expect.objectContaining({
        code: 'invalid',
        message: expect.stringContaining(message),
        hint: expect.stringMatching(/\w/),
      }),
    )
  },
)

test('a certificate of somebody else is taken from its files', () => {
  expect(load({ SNAILPASS_TLS: 'files', ...files })).toMatchObject({
    tls: 'files',
    tlsCert: '/etc/cert.pem',
    tlsKey: '/etc/key.pem',
  })
})

test('a certificate that nobody serves is warned about', () => {
  const warnings = (environment: Record<string, string>) =>
    loadConfig({ environment, flags: {}, file: null }).warnings
  const own = { SNAILPASS_TLS: 'files', ...files }
  expect(warnings(own)).toEqual([expect.stringContaining('SNAILPASS_LISTEN_TLS')])
  expect(warnings({ ...own, SNAILPASS_LISTEN_TLS: '0.0.0.0:5443' })).toEqual([])
})
