import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { version } from '../../src/version'
import { renderVaultPage, vaultScript, vaultStyle } from '../../src/web/vault-files'
import { serve, temporaryFolder } from '../support/executable'

test('the executable has the vault that its source gives, byte for byte', async () => {
  using folder = temporaryFolder()
  await using server = await serve(folder.path)
  const opened = await fetch(new URL('/vault', server.url))
  expect(opened.url).toBe(new URL('/vault/', server.url).href)
  expect(await opened.text()).toBe(
    renderVaultPage({ version, signUps: { mode: 'open', domains: [] } }),
  )
  for (const { name, sha256 } of [vaultScript, vaultStyle]) {
    const file = await fetch(new URL(name, opened.url))
    const hash = createHash('sha256').update(await file.bytes())
    expect({ name, sha256: hash.digest('base64') }).toEqual({ name, sha256 })
  }
  expect(opened.headers.get('content-security-policy')).toContain(`'sha256-${vaultScript.sha256}'`)
})

test('the executable shows no vault at an address where the browser has no cryptography', async () => {
  using folder = temporaryFolder()
  await using server = await serve(folder.path)
  const headers = { host: `pi.local:${server.url.port}` }
  const html = await (await fetch(new URL('/vault/', server.url), { headers })).text()
  expect(html).toContain('The vault opens over HTTPS only')
  expect(html.match(/<(?:script|input|form)/g)).toBeNull()
})
