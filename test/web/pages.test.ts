import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { version } from '../../src/version'
import { renderIndexPage } from '../../src/web/index-page'
import { contentSecurityPolicy } from '../../src/web/page'
import { pages } from '../support/pages'
import { startTestServer } from '../support/server'

describe.each([...pages])('the page %s', (_name, html) => {
  test('loads nothing from another host and runs no script', () => {
    const references = [...html.matchAll(/\b(?:src|href|action|url)\s*[=(]\s*["']?([^"'\s>)]*)/g)]
    // At least the icon.
    expect(references.map(([, target]) => target)).toContain('/favicon.ico')
    for (const [, target] of references)
      expect(target).toMatch(/^\/(?!\/)|^https:\/\/pi:5443\/(?:vault\/)?$/)
    expect(html).not.toMatch(/<script|<iframe|\son\w+=|javascript:|@import/i)
  })

  test('has only the style that its policy allows', () => {
    const styles = [...html.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(([, style]) => style ?? '')
    expect(styles).toHaveLength(1)
    const hash = createHash('sha256')
      .update(styles[0] ?? '')
      .digest('base64')
    expect(contentSecurityPolicy).toContain(`style-src 'sha256-${hash}'`)
    expect(html).not.toMatch(/\sstyle=/)
  })

  test('is a document for phones and screen readers', () => {
    expect(html).toStartWith('<!doctype html><html lang="en">')
    expect(html).toContain('<meta name="viewport" content="width=device-width, initial-scale=1"/>')
    expect(html.match(/<h1>/g)).toHaveLength(1)
    expect(html).toMatch(/<title>[^<]+<\/title>/)
  })
})

const signUps = { mode: 'open', domains: [] } as const

describe('the page at /', () => {
  test('shows the version and the address of the request', async () => {
    await using server = await startTestServer()
    const response = await fetch(server.url, { headers: { host: 'pi.local:5000' } })
    const html = await response.text()
    expect(html).toContain(`version ${version}`)
    expect(html).toContain(
      '&lt;add key=&quot;base_api_url&quot; value=&quot;http://pi.local:5000/&quot;/>',
    )
    expect(response.headers.get('content-security-policy')).toBe(contentSecurityPolicy)
    expect(response.headers.get('content-security-policy')).not.toContain('unsafe')
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('warns of an address that works only on this computer', () => {
    const at = (address: string) =>
      renderIndexPage({
        version: '1',
        address: new URL(address),
        httpAddress: new URL(address),
        hasAuthority: false,
        signUps,
      })
    const warning = 'only on this computer'
    for (const address of ['http://localhost:5000/', 'http://127.0.0.1:5000/', 'http://[::1]/']) {
      expect(at(address)).toContain(warning)
    }
    expect(at('http://192.168.1.5:5000/')).not.toContain(warning)
  })

  test('shows the plain HTTP address for Android, also when opened by HTTPS', () => {
    const at = (httpAddress: URL | null) =>
      renderIndexPage({
        version: '1',
        address: new URL('https://pi.local:5443/'),
        httpAddress,
        hasAuthority: true,
        signUps,
      })
    expect(at(new URL('http://pi.local:5000/'))).toContain('<code>http://pi.local:5000</code>')
    expect(at(null)).not.toContain('10.0.2.2')
    expect(at(null)).not.toContain('http://pi.local')
  })

  test.each([
    ['open', [], 'Everyone who can open this page can create an account.'],
    ['open', ['nas.example', 'b.example'], 'an email at nas.example, b.example, or with an'],
    ['invited', [], 'if the operator has invited your email'],
    ['invited', ['nas.example'], 'if the operator has invited your email'],
    ['closed', [], 'Only the operator of this server creates accounts.'],
  ] as const)('says who may sign up: %s %p', async (mode, domains, text) => {
    await using server = await startTestServer({
      settings: { SNAILPASS_SIGNUPS: mode, SNAILPASS_SIGNUPS_DOMAINS: domains.join(',') },
    })
    expect(await (await fetch(server.url)).text()).toContain(text)
  })

  test('escapes its input', () => {
    const address = new URL('http://pi/')
    Object.defineProperty(address, 'href', { value: '"><script>alert(1)</script>' })
    expect(
      renderIndexPage({
        version: '<b>',
        address,
        httpAddress: address,
        hasAuthority: false,
        signUps,
      }),
    ).not.toMatch(/<script|<b>/)
  })
})

test('/favicon.ico is a PNG image', async () => {
  await using server = await startTestServer()
  const response = await fetch(new URL('/favicon.ico', server.url))
  expect(response.headers.get('content-type')).toBe('image/png')
  const magic = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  expect((await response.bytes()).subarray(0, 8)).toEqual(magic)
})
