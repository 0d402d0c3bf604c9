import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { contentSecurityPolicy } from '../../src/web/page'
import { renderVaultPage, vaultScript, vaultStyle } from '../../src/web/vault-files'
import { createTestApi } from '../support/api'

const https = { client: { address: '192.0.2.1', isSecure: true }, peer: '192.0.2.1' }
const http = { ...https, client: { address: '192.0.2.1', isSecure: false } }
const here = { client: { address: '127.0.0.1', isSecure: false }, peer: '127.0.0.1' }

const { ask } = createTestApi()

const askAt = (
  address: string,
  connection: typeof https,
  headers: Record<string, string> = {},
  api = createTestApi(),
) => api.ask(address, { headers }, connection)

const isVault = async (answer: Response) =>
  (await answer.text()) ===
  renderVaultPage({ version: '1.2.3', signUps: { mode: 'open', domains: [] } })

describe('the page of the vault', () => {
  test('may run its one script, by its hash, and load nothing from elsewhere', async () => {
    const answer = await ask('/vault/', {}, https)
    expect(answer.status).toBe(200)
    const sha256 = createHash('sha256').update(vaultScript.bytes()).digest('base64')
    expect(Object.fromEntries(answer.headers)).toEqual({
      'content-type': 'text/html;charset=utf-8',
      'content-security-policy':
        `default-src 'none'; script-src 'sha256-${sha256}'; style-src 'self'; img-src 'self' data:; ` +
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; " +
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': expect.stringMatching(/^(?:[a-z-]+=\(\), )+clipboard-write=\(self\)$/),
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
    })
    const html = await answer.text()
    expect(html.match(/<script[^>]*>/g)).toEqual([
      `<script type="module" src="${vaultScript.name}" integrity="sha256-${sha256}">`,
    ])
    // Relative addresses alone: a proxy may serve the server below a path.
    expect(
      html.match(/(?:src|href)="[^"]*"/g)?.filter((each) => /"(?:\/|[a-z]+:)/.test(each)),
    ).toEqual([])
  })

  test.each([
    ['open', [], 'open'],
    ['open', ['example.org', 'example.net'], 'example.org, example.net'],
    ['invited', ['example.org'], 'invited'],
    ['closed', [], 'closed'],
  ] as const)('tells its script who may sign up: %s %p', async (mode, domains, told) => {
    const { ask } = createTestApi({ signUps: { mode, domains } })
    const html = await (await ask('/vault/', {}, https)).text()
    expect(html).toContain(`<meta name="sign-ups" content="${told}">`)
  })

  test('is reached without the slash too, below any path', async () => {
    const answer = await ask('/vault', {}, https)
    expect([answer.status, answer.headers.get('location')]).toEqual([308, 'vault/'])
  })

  test.each([vaultScript, vaultStyle])(
    'has files that a browser keeps for ever: $name',
    async (file) => {
      const askFor = (encodings: string | null) =>
        ask(
          `/vault/${file.name}`,
          encodings === null ? {} : { headers: { 'accept-encoding': encodings } },
          https,
        )
      for (const [encodings, encoding, unpack] of [
        ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
        ['BR;q=0.5', 'br', brotliDecompressSync],
        ['br; q=0, gzip', 'gzip', gunzipSync],
        ['gzip', 'gzip', gunzipSync],
        ['gzip;q=0.0, brotli', null, null],
        [null, null, null],
      ] as const) {
        const { status, headers, ...answer } = await askFor(encodings).then(async (response) => ({
          ...{ status: response.status, headers: response.headers },
          bytes: await response.bytes(),
        }))
        expect([status, headers.get('content-encoding')]).toEqual([200, encoding])
        expect(headers.get('content-type')).toBe(file.type)
        expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
        expect(headers.get('vary')).toBe('accept-encoding')
        expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
        const bytes = unpack === null ? answer.bytes : new Uint8Array(unpack(answer.bytes))
        expect(bytes).toEqual(file.bytes())
      }
    },
  )

  test('can be put on the home screen of a phone, below any path', async () => {
    const page = await (await ask('/vault/', {}, https)).text()
    expect(page).toContain('<link rel="manifest" href="manifest.webmanifest">')
    const manifest = await ask('/vault/manifest.webmanifest', {}, https)
    expect(manifest.headers.get('content-type')).toBe('application/manifest+json')
    const { start_url, scope, display, icons } = await manifest.json()
    expect({ start_url, scope, display }).toEqual({
      ...{ start_url: './', scope: './', display: 'standalone' },
    })
    for (const src of ['icon.png', ...icons.map((icon: { src: string }) => icon.src)]) {
      const icon = await ask(`/vault/${src}`, {}, https)
      expect([icon.status, icon.headers.get('content-type')]).toEqual([200, 'image/png'])
      // The width and the height in a PNG's header.
      const size = new DataView(await icon.arrayBuffer())
      expect([size.getUint32(16), size.getUint32(20)]).toEqual([512, 512])
    }
  })

  test('has no other file, and no older version of one', async () => {
    for (const name of ['app.js', 'app-0123456789abcdef.js', 'main.tsx', '%2e%2e%2f', 'app-.js'])
      expect((await ask(`/vault/${name}`, {}, https)).status).toBe(404)
  })

  test('is small', () => {
    expect(vaultScript.brotli.length + vaultStyle.brotli.length).toBeLessThan(80 * 1024)
  })
})

describe('where the browser has no cryptography', () => {
  test('the page has no script and no field, and leads to HTTPS', async () => {
    const api = createTestApi({ tlsPort: () => 5612, authority: () => null })
    const answer = await api.ask('/vault/', {}, http)
    expect(answer.headers.get('content-security-policy')).toBe(contentSecurityPolicy)
    const html = await answer.text()
    expect(html.match(/<(?:script|input|form|button)/g)).toBeNull()
    expect(html).toContain('href="https://pi.local:5612/vault/"')
    expect(html).not.toContain('href="/ca"')
  })

  test('the page leads to the public address, and explains how to trust the server', async () => {
    const authority = {
      ...{ name: 'CA', sha256: 'AB', notAfter: 0, domains: [] },
      ...{ pem: '', der: new Uint8Array() },
    }
    const api = createTestApi({
      publicUrl: new URL('https://home.example/sub/'),
      authority: () => authority,
    })
    const html = await (await api.ask('/vault/', {}, http)).text()
    expect(html).toContain('href="https://home.example/sub/vault/"')
    expect(html).toContain('href="/sub/ca"')
  })

  test('the page says so if there is no HTTPS at all', async () => {
    const html = await (await ask('/vault/', {}, http)).text()
    expect(html).toContain('<h2>HTTPS is off here</h2>')
    expect(html).not.toContain('Use this address')
    expect(html).not.toContain('https://')
  })

  test('the vault is served nevertheless where the browser sees HTTPS, or this machine', async () => {
    const publicUrl = new URL('https://home.example/')
    const api = createTestApi({ publicUrl })
    const [outside, inside]: [typeof https, typeof https] = [http, here]
    const served: [string, typeof https, Record<string, string>][] = [
      ['http://pi.local:5000/vault/', https, {}],
      ['http://home.example/vault/', outside, {}],
      ['http://HOME.example:443/vault/', outside, {}],
      ['http://localhost:5611/vault/', inside, {}],
      ['http://127.0.0.1:5611/vault/', inside, {}],
      ['http://[::1]:5611/vault/', { ...inside, peer: '::1' }, {}],
    ]
    for (const [address, connection, headers] of served)
      expect([address, await isVault(await askAt(address, connection, headers, api))]).toEqual([
        address,
        true,
      ])

    const refused: [string, typeof https, Record<string, string>][] = [
      ['http://home.example.evil/vault/', outside, {}],
      ['http://home.example:8080/vault/', outside, {}],
      ['http://localhost:5611/vault/', outside, {}],
      ['http://localhost:5611/vault/', inside, { 'x-forwarded-for': '192.0.2.9' }],
      ['http://localhost:5611/vault/', inside, { forwarded: 'for=192.0.2.9' }],
      ['http://pi.local:5611/vault/', inside, {}],
      ['http://localhost.evil/vault/', inside, {}],
    ]
    for (const [address, connection, headers] of refused)
      expect([address, await isVault(await askAt(address, connection, headers, api))]).toEqual([
        address,
        false,
      ])
  })
})
