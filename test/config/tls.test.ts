import { expect, test } from 'bun:test'
import { loadConfig } from '../../src/config/load'
import { DomainError } from '../../src/domain/errors'

const load = (environment: Record<string, string>) =>
  loadConfig({ environment, flags: {}, file: null }).settings

const files = { SNAILPASS_TLS_CERT: '/etc/cert.pem', SNAILPASS_TLS_KEY: '/etc/key.pem' }

/** Returns what work throws, null if it throws nothing. */
function captureThrown(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return null
}

test('names for the certificate are accepted in the forms that people use', () => {
  expect(load({ SNAILPASS_TLS_NAMES: 'Pi.lan, [FD00::5] fd00:0::6,192.168.1.5' }).tlsNames).toEqual(
    ['pi.lan', 'fd00::5', 'fd00::6', '192.168.1.5'],
  )
})

test.each([
  [{ SNAILPASS_TLS: 'yes' }, 'invalid SNAILPASS_TLS "yes": use local, files or acme'],
  [
    { SNAILPASS_TLS: 'files' },
    'SNAILPASS_TLS is files, but SNAILPASS_TLS_CERT and SNAILPASS_TLS_KEY are not set',
  ],
  [
    { SNAILPASS_TLS: 'files', SNAILPASS_TLS_CERT: '/etc/cert.pem' },
    'SNAILPASS_TLS is files, but SNAILPASS_TLS_KEY is not set',
  ],
  [files, 'SNAILPASS_TLS_CERT is set, but SNAILPASS_TLS is local'],
  [{ SNAILPASS_TLS_KEY: '/etc/key.pem' }, 'SNAILPASS_TLS_KEY is set, but SNAILPASS_TLS is local'],
  [
    { ...files, SNAILPASS_TLS_CERT: '~/cert.pem' },
    'invalid SNAILPASS_TLS_CERT "~/cert.pem": not a file',
  ],
  [
    { SNAILPASS_TLS_NAMES: 'https://pi.lan' },
    'invalid host "https://pi.lan" in SNAILPASS_TLS_NAMES',
  ],
  [{ SNAILPASS_TLS_NAMES: '*.pi.local' }, 'invalid host "*.pi.local" in SNAILPASS_TLS_NAMES'],
])(
  'invalid and contradictory settings are refused, with what to do: %p',
  (environment, message) => {
    expect(() => load(environment)).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringContaining(message) }),
    )
    const error = captureThrown(() => load(environment))
    if (!(error instanceof DomainError)) throw error
    expect(error.hint ?? error.message).toMatch(/\b(?:set|use) \w/)
  },
)

test('a certificate from elsewhere is read from its files', () => {
  expect(load({ SNAILPASS_TLS: 'files', ...files })).toMatchObject({
    tls: 'files',
    tlsCert: '/etc/cert.pem',
    tlsKey: '/etc/key.pem',
  })
})

test('a certificate that no listener uses is warned about', () => {
  const warnings = (environment: Record<string, string>) =>
    loadConfig({ environment, flags: {}, file: null }).warnings
  const own = { SNAILPASS_TLS: 'files', ...files }
  expect(warnings(own)).toEqual([expect.stringContaining('SNAILPASS_LISTEN_TLS')])
  expect(warnings({ ...own, SNAILPASS_LISTEN_TLS: '0.0.0.0:5443' })).toEqual([])
})
