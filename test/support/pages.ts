import { renderAuthorityPage } from '../../src/web/authority-page'
import { renderConfirmationPage } from '../../src/web/confirmation-page'
import { renderErrorPage } from '../../src/web/error-page'
import { renderIndexPage } from '../../src/web/index-page'
import { renderInsecureVaultPage } from '../../src/web/insecure-vault-page'

const outcomes = [
  'unconfirmed',
  'confirmed',
  'already',
  'expired',
  'invalid',
  'no such user',
  'too many',
  'unavailable',
] as const

const address = new URL('http://pi:5000/')

const authority = {
  name: 'SnailPass pi 1a2b3c4d',
  sha256: 'AB:CD:EF',
  notAfter: Date.UTC(2036, 10, 24),
  domains: ['pi', 'local'],
}

/** Every page that a browser can get, with its name. */
export const pages: readonly (readonly [string, string])[] = [
  [
    '/',
    renderIndexPage({
      ...{ version: '1.2.3', address, httpAddress: address, hasAuthority: true },
      signUps: { mode: 'open', domains: [] },
    }),
  ],
  ['/ca', renderAuthorityPage(authority, { address: new URL('https://pi:5443/'), base: '/' })],
  [
    '/vault/',
    renderInsecureVaultPage({
      opened: address,
      address: new URL('https://pi:5443/vault/'),
      hasAuthority: true,
      base: '/',
    }),
  ],
  ...([404, 405, 429, 500, 503, 'other'] as const).map(
    (kind) => [`error ${kind}`, renderErrorPage(kind, '/')] as const,
  ),
  ...outcomes.map((outcome) => [outcome, renderConfirmationPage(outcome, '/')] as const),
]
