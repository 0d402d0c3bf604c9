import { renderConfirmationPage } from '../../src/web/confirmation-page'
import { renderIndexPage } from '../../src/web/index-page'

const outcomes = [
  'confirmed',
  'already',
  'expired',
  'invalid',
  'no such user',
  'unavailable',
] as const

/** Every page that a browser can get, by its name. */
export const pages: readonly (readonly [string, string])[] = [
  ['/', renderIndexPage({ version: '1.2.3', address: new URL('http://pi:5000/') })],
  ...outcomes.map((outcome) => [outcome, renderConfirmationPage(outcome)] as const),
]
