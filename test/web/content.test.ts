import { describe, expect, test } from 'bun:test'
import { Window } from 'happy-dom'
import { renderConfirmationPage } from '../../src/web/confirmation-page'
import { renderIndexPage } from '../../src/web/index-page'
import { contentSecurityPolicy } from '../../src/web/page'
import { pages } from '../support/pages'

const signUps = { mode: 'open', domains: [] } as const

const at = (address: string) =>
  renderIndexPage({
    version: '1.2.3',
    address: new URL(address),
    httpAddress: null,
    hasAuthority: false,
    signUps,
  })

const variants: readonly (readonly [string, string])[] = [
  ...pages,
  ['/ on this computer, without HTTP and an authority', at('https://localhost:5443/')],
]

// The style is a file of its own.
test.each([...variants])('the page %s is exactly this document', (_, html) => {
  expect(html.replace(/(?<=<style>)[\s\S]*(?=<\/style>)/, '')).toMatchSnapshot()
})

/** Returns the texts of the elements that match, and where they lead. */
async function listElements(html: string, selector: string): Promise<readonly string[]> {
  const window = new Window({ url: 'http://pi:5000/' })
  window.document.write(html)
  const found = [...window.document.querySelectorAll(selector)].map((element) =>
    [element.textContent, element.getAttribute('href')].filter((part) => part !== null).join(' → '),
  )
  await window.happyDOM.close()
  return found
}

describe('a reader finds', () => {
  const pageAt = (path: string) => pages.find(([name]) => name === path)?.[1] ?? ''

  test('on the page / how to connect each client', async () => {
    expect(await listElements(pageAt('/'), 'h1, h2, a, pre')).toEqual([
      'SnailPass',
      'The address of this server',
      'install the certificate → /ca',
      'In a browser',
      'Open the vault → /vault/',
      'Windows',
      '<add key="base_api_url" value="http://pi:5000/"/>',
      'Android',
      'What this server can read',
      'the API as an OpenAPI document → /openapi.json',
    ])
  })

  test('on the page /ca how to trust the server, step by step and for each device', async () => {
    expect(await listElements(pageAt('/ca'), 'h1, h2, summary, a, .fingerprint')).toEqual([
      'Trust this server',
      '1. Download the certificate',
      'Download ca.crt → /ca.crt',
      'or as PEM, for Linux → /ca.pem',
      '2. Check the fingerprint',
      'AB:CD:EF',
      '3. Install it',
      'Android',
      'iPhone and iPad',
      'Windows',
      'macOS',
      'Linux',
      'Firefox on a computer',
      '4. Use it',
      'https://pi:5443/ → https://pi:5443/',
    ])
  })

  test.each([
    [
      'confirmed',
      'Your email is confirmed',
      'You can close this page and sign in with your client.',
    ],
    [
      'already',
      'Your email is already confirmed',
      'There is nothing to do: sign in with your client.',
    ],
    [
      'unconfirmed',
      'Confirm your email',
      'Press the button, and you can sign in with your client.',
    ],
    [
      'expired',
      'This link has expired',
      'Sign in with your client, and you will get an email with a new one.',
    ],
    [
      'invalid',
      'This link is not valid',
      'Copy the whole link from the email: some mail programs break long links in two. If it still fails, sign in with your client, and you will get an email with a new one.',
    ],
    [
      'too many',
      'Too many attempts',
      'Too many invalid links were opened from your network. Open yours again in an hour.',
    ],
    [
      'unavailable',
      'Not possible right now',
      "The server can't save anything right now. Open the link again in a few minutes.",
    ],
    [
      'no such user',
      'There is no such account',
      'It was deleted, or it was never confirmed. You can sign up again with your client.',
    ],
  ] as const)(
    'on the page of a confirmation link (%s) what came of it',
    async (outcome, title, advice) => {
      const html = renderConfirmationPage(outcome, '/')
      expect(await listElements(html, 'title, main h1, main p, main a')).toEqual([
        `${title} – SnailPass`,
        title,
        'SnailPass',
        advice,
      ])
    },
  )
})

test.each([
  ['http://localhost:5000/', true],
  ['http://127.0.0.1/', true],
  ['http://127.9.9.9:5000/', true],
  ['http://[::1]:5000/', true],
  ['http://128.0.0.1/', false],
  ['http://12.7.0.1/', false],
  ['http://[::2]/', false],
  ['http://localhost.lan/', false],
])('the address %s works only on this computer: %p', async (address, isLocal) => {
  const advice = `This address works only on this computer. On other devices, replace ${new URL(address).hostname} with the name or the network address of this computer.`
  const paragraphs = await listElements(at(address), 'section:first-of-type p')
  expect(paragraphs).toEqual(isLocal ? [advice] : [])
})

test('the policy of the pages allows nothing but their own style and the icon', () => {
  expect(contentSecurityPolicy.replace(/sha256-[A-Za-z0-9+/]{43}=/, 'sha256-…')).toBe(
    "default-src 'none'; style-src 'sha256-…'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  )
})
