import { describe, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { contentSecurityPolicy } from '../../src/web/page'
import { startTestServer } from '../support/server'
import { createCertificateFiles } from '../support/tls'

const paths = ['/ca', '/ca.crt', '/ca.pem']

describe('a server with its own certificate authority', () => {
  test('offers it to devices over HTTP and HTTPS, with its fingerprint', async () => {
    await using server = await startTestServer({
      settings: { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' },
    })
    const ca = readFileSync(join(server.dataDir, 'tls', 'ca.crt'), 'utf8')
    const { fingerprint256, raw } = new X509Certificate(ca)
    const [plain, secure] = server.urls
    expect([plain?.protocol, secure?.protocol]).toEqual(['http:', 'https:'])
    for (const url of server.urls) {
      // Bun's BoringSSL does not support name constraints for IP addresses. test/e2e/tls.test.ts checks with curl.
      const get = (path: string) =>
        fetch(new URL(path, url), { tls: { rejectUnauthorized: false } })
      const page = await get('/ca')
      expect(page.status).toBe(200)
      expect(page.headers.get('content-security-policy')).toBe(contentSecurityPolicy)
      const html = await page.text()
      expect(html.replaceAll('<wbr/>', '')).toContain(fingerprint256)
      expect(html).toContain('snailpass tls ca --fingerprint')
      expect(html).toContain(`href="${secure?.href}"`)
      const der = await get('/ca.crt')
      expect(der.headers.get('content-type')).toBe('application/x-x509-ca-cert')
      expect(await der.bytes()).toEqual(new Uint8Array(raw))
      const pem = await get('/ca.pem')
      expect(pem.headers.get('content-type')).toStartWith('application/x-pem-file')
      expect(await pem.text()).toBe(ca)
      expect(await (await get('/')).text()).toContain('href="/ca"')
      // The authority is not publicly trusted, so browsers must not be told to use only HTTPS.
      expect(page.headers.has('strict-transport-security')).toBeFalse()
    }
    // No part of a key can be downloaded.
    const key = readFileSync(join(server.dataDir, 'tls', 'ca.key'), 'utf8')
    expect(server.log.join('\n')).not.toContain(key.split('\n')[1] ?? '')
    expect((await fetch(new URL('/ca.key', plain))).status).toBe(404)
  })
})

test.each([
  ['whose HTTPS is off', {}],
  [
    'with a certificate of another authority',
    { SNAILPASS_LISTEN_TLS: '127.0.0.1:0', SNAILPASS_TLS: 'files' },
  ],
])('a server %s offers no certificate authority', async (_, settings) => {
  using pair = await createCertificateFiles()
  const fileSettings = { SNAILPASS_TLS_CERT: pair.cert, SNAILPASS_TLS_KEY: pair.key }
  await using server = await startTestServer({
    settings: { ...settings, ...('SNAILPASS_TLS' in settings ? fileSettings : {}) },
  })
  for (const path of paths) {
    const answer = await fetch(new URL(path, server.url))
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 404,
      body: {
        message: { error: 'Resource Not Found. This server has no certificate authority' },
      },
    })
  }
  expect(await (await fetch(server.url)).text()).not.toContain('href="/ca"')
})
