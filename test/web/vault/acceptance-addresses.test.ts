/** Acceptance checks 1, 5 and 30 of the web vault in real browsers: where it opens, what the answers say, and which script runs. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tlsFolder } from '../../../src/tls/local/folder'
import { version } from '../../../src/version'
import { vaultContentSecurityPolicy, vaultScript } from '../../../src/web/vault-files'
import { advance, createOwner, documentOf, goTo, unlock } from '../../support/acceptance'
import { browserTrials, useBrowser } from '../../support/browsers'
import { type RunningServer, serve, temporaryFolder } from '../../support/executable'
import { until } from '../../support/until'
import { startVaultFront } from '../../support/vault-front'

const folder = temporaryFolder()
let server: RunningServer
let httpsPort = ''
beforeAll(async () => {
  server = await serve(folder.path, {}, ['--listen-tls', '127.0.0.1:0'])
  httpsPort = await until(
    () => /listening on https:\/\/127\.0\.0\.1:(\d+)\//.exec(server.log.join('\n'))?.[1],
    'the address for HTTPS',
  )
  await createOwner(server)
}, 300_000)
afterAll(async () => {
  await server.end('SIGKILL')
  folder[Symbol.dispose]()
})

/** The browser trusts the CA of the server, as somebody who followed `/ca`. */
const readAuthority = () => ({
  authority: readFileSync(tlsFolder(join(folder.path, 'tls')).authorityCert, 'utf8'),
  localName: 'pi.local',
})

describe.each(browserTrials(1280))('in $kind at $width px', (trial) => {
  const used = useBrowser(trial, readAuthority)

  test('plain HTTP shows why not, the HTTPS address, and nothing to type a password into', async () => {
    const at = await used.open(new URL(`http://pi.local:${server.url.port}/vault/`))
    await at.see('The vault opens over HTTPS only')
    expect(
      await at.page.evaluate(() => ({
        isSecure: isSecureContext,
        links: [...document.querySelectorAll('a')].map(({ href }) => href),
        controls: document.querySelectorAll('script, input, form, button').length,
      })),
    ).toEqual({
      ...{ isSecure: false, controls: 0 },
      links: expect.arrayContaining([
        `https://pi.local:${httpsPort}/vault/`,
        `http://pi.local:${server.url.port}/ca`,
      ]),
    })
    expect(await at.findFaults()).toEqual([])
  })

  test('HTTPS and localhost show the vault, isolated and under its policy', async () => {
    for (const address of [
      `https://localhost:${httpsPort}/vault/`,
      `http://localhost:${server.url.port}/vault/`,
    ]) {
      const at = await used.open(new URL(address))
      const answers = new Map<string, Readonly<Record<string, string>>>()
      at.page.on('response', (answer) =>
        answers.set(new URL(answer.url()).pathname, answer.headers()),
      )
      await at.page.reload()
      await unlock(at)
      expect(await at.page.evaluate(() => [isSecureContext, crossOriginIsolated])).toEqual([
        true,
        true,
      ])
      const page = answers.get('/vault/')
      expect(page).toMatchObject({
        'content-security-policy': vaultContentSecurityPolicy,
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      })
      const files = [...answers].filter(([path]) => path.startsWith('/vault/app-'))
      expect(files).toHaveLength(2)
      for (const [, headers] of files)
        expect(headers).toMatchObject({
          'x-content-type-options': 'nosniff',
          'cross-origin-resource-policy': 'same-origin',
          'cache-control': 'public, max-age=31536000, immutable',
        })
      expect(at.problems).toEqual([])
      await at.context.close()
    }
  })

  test('a browser shows the hash and the version of the script that it runs, to everybody', async () => {
    const at = await used.open(new URL(`https://localhost:${httpsPort}/vault/`))
    await at.click('About')
    await at.see(Uint8Array.fromBase64(vaultScript.sha256).toHex())
    await at.see(`Version ${version}`)
    await at.press('Escape')
    await at.page.waitForSelector('dialog', { hidden: true })
    await unlock(at)
    await goTo(at, 'Account')
    await at.click('About')
    await at.see('SHA-256 of the script')
    const served = await at.page.evaluate(async () => {
      const src = document.querySelector<HTMLScriptElement>('script[src]')?.src ?? ''
      const bytes = await (await fetch(src)).arrayBuffer()
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
      return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    })
    expect(served).toBe(Buffer.from(vaultScript.sha256, 'base64').toString('hex'))
    await at.see(served)
  })

  test('an upgrade of the server under an open page asks for a reload, and loses nothing', async () => {
    await using front = startVaultFront(server)
    const at = await used.open(front.url)
    await unlock(at)
    await at.press('n')
    await at.fill('Name', 'Half-typed')
    front.intercept = async ({ path }, answer) => {
      if (path !== '/vault/') return null
      const { headers } = await answer()
      const html = `<script type="module" src="app-0123456789abcdef.js"></script>`
      return new Response(html, { headers: { 'content-type': headers.get('content-type') ?? '' } })
    }
    await advance(at, 301)
    await at.page.evaluate(() => dispatchEvent(new Event('focus')))
    await at.see('The server has a new version of this page.')
    expect(await documentOf(at)).toContain('Half-typed')
    expect(at.problems).toEqual([])
  })
})
