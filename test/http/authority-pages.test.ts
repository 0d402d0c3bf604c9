import { describe, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { contentSecurityPolicy } from '../../src/web/page'
import { startTestServer } from '../support/server'
import { createCertificateFiles } from '../support/tls'

const paths = ['/ca', '/ca.crt', '/ca.pem']

describe('a server with an authority of its own', () => {
  test('gives it to devices by HTTP and by HTTPS, with what to compare it by', async () => {
    await using server = await startTestServer({
      settings: { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' },
    })
    const ca = readFileSync(join(server.dataDir, 'tls', 'ca.crt'), 'utf8')
    const { fingerprint256, raw } = new X509Certificate(ca)
    const [plain, secure] = server.urls
    expect([plain?.protocol, secure?.protocol]).toEqual(['http:', 'https:'])
    for (const url of server.urls) {
      // BoringSSL, which Bun brings, knows no constraints for addresses: curl, Node and browsers do, see test/e2e/tls.test.ts.
      const get = (path: string) =>
        fetch(new URL(path, url), { tls: { rejectUnauthorized: false } })
      const page = await get('/ca')
      expect(page.status).toBe(200)
      expect(page.headers.get('content-security-policy')).toBe(contentSecurityPolicy)
      const html = await page.text()
      expect(html.replaceAll('<wbr/>', '')).toContain(fingerprint256)
      expect(html).toContain('snailpass tls show')
      expect(html).toContain(`href="${secure?.href}"`)
      const der = await get('/ca.crt')
      expect(der.headers.get('content-type')).toBe('application/x-x509-ca-cert')
      expect(await der.bytes()).toEqual(new Uint8Array(raw))
      const pem = await get('/ca.pem')
      expect(pem.headers.get('content-type')).toStartWith('application/x-pem-file')
      expect(await pem.text()).toBe(ca)
      expect(await (await get('/')).text()).toContain('href="/ca"')
      // Not everybody trusts it: a browser must not insist on it.
      expect(page.headers.has('strict-transport-security')).toBeFalse()
    }
    // Nothing of any key is to be had.
    const key = readFileSync(join(server.dataDir, 'tls', 'ca.key'), 'utf8')
    expect(server.log.join('\n')).not.toContain(key.split('\n')[1] ?? '')
    expect((await fetch(new URL('/ca.key', plain))).status).toBe(404)
  })
})

test.each([
  ['HTTPS is off', {}],
  [
    'the certificate is from elsewhere',
    { SNAILPASS_LISTEN_TLS: '127.0.0.1:0', SNAILPASS_TLS: 'files' },
  ],
])('there is nothing to install where %s', async (_why, settings) => {
  using pair = await createCertificateFiles()
  const ofFiles = { SNAILPASS_TLS_CERT: pair.cert, SNAILPASS_TLS_KEY: pair.key }
  await using server = await startTestServer({
    settings: { ...settings, ...('SNAILPASS_TLS' in settings ? ofFiles : {}) },
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
