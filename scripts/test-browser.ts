/**
 * The long test of certificates, with a real Chromium: `bun scripts/test-browser.ts`. A browser with our certificate authority
 * installed opens dist/snailpass over HTTPS; one without it refuses. Neither accepts a certificate for a name or an address
 * outside of the authority's name constraints. Needs chromium and certutil (Debian: chromium, libnss3-tools), which are too
 * large for the test command.
 */
import 'reflect-metadata'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findAuthority } from '../src/tls/local/authority'
import { tlsFolder } from '../src/tls/local/folder'
import { createLeafCertificate } from '../src/tls/x509'
import { serve } from '../test/support/executable'
import { until } from '../test/support/until'

const workFolder = mkdtempSync(join(tmpdir(), 'snailpass-browser-'))
const homes = { trusting: join(workFolder, 'trusting'), untrusting: join(workFolder, 'untrusting') }

async function runTool(command: readonly string[], home: string): Promise<string> {
  const child = Bun.spawn([...command], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
    timeout: 60_000,
  })
  const output = await new Response(child.stdout).text()
  await child.exited
  return output
}

/** Returns the DOM of a page, in the browser with this home folder. If the browser refuses the page, that of its error page. */
function dumpPage(home: string, url: string): Promise<string> {
  const names = ['*.local', '*.example.org', '192.168.77.7', '203.0.113.7']
  const rules = names.map((name) => `MAP ${name} 127.0.0.1`).join(', ')
  return runTool(
    [
      ...['chromium', '--headless', '--no-sandbox', '--disable-gpu', '--dump-dom'],
      ...[`--user-data-dir=${join(home, 'profile')}`, `--host-resolver-rules=${rules}`, url],
    ],
    home,
  )
}

let passes = 0
let failures = 0
function check(what: string, passed: boolean): void {
  if (passed) passes++
  else failures++
  process.stdout.write(`${passed ? 'ok  ' : 'FAIL'} ${what}\n`)
}

try {
  const dataDir = join(workFolder, 'data')
  await using server = await serve(dataDir, {}, ['--listen-tls', '127.0.0.1:0'])
  const folder = tlsFolder(join(dataDir, 'tls'))
  const authority = await findAuthority(folder)
  const port = await until(
    () => /listening on https:\/\/127\.0\.0\.1:(\d+)\//.exec(server.log.join('\n'))?.[1],
    'the address for HTTPS',
  )
  if (authority === null) throw new Error('there is no certificate authority')
  for (const home of Object.values(homes)) {
    const store = join(home, '.pki', 'nssdb')
    mkdirSync(store, { recursive: true })
    await runTool(['certutil', '-N', '--empty-password', '-d', `sql:${store}`], home)
  }
  const store = `sql:${join(homes.trusting, '.pki', 'nssdb')}`
  const add = ['certutil', '-A', '-d', store, '-n', 'SnailPass', '-t', 'C,,']
  await runTool([...add, '-i', folder.authorityCert], homes.trusting)

  for (const host of ['localhost', '127.0.0.1']) {
    const url = `https://${host}:${port}/`
    check(`${host}: opened`, (await dumpPage(homes.trusting, url)).includes('Password server'))
    check(
      `${host}: refused without the certificate authority`,
      !(await dumpPage(homes.untrusting, url)).includes('Password server'),
    )
  }
  const cases = [
    ['thief.local', true],
    ['bank.example.org', false],
    ['192.168.77.7', true],
    ['203.0.113.7', false],
  ] as const
  for (const [host, isPermitted] of cases) {
    const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3600_000 }
    const random = (count: number) => crypto.getRandomValues(new Uint8Array(count))
    const tls = await createLeafCertificate(authority, { names: [host], ...validity }, random)
    const impostor = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      tls,
      fetch: () => new Response('taken in'),
    })
    const seen = await dumpPage(homes.trusting, `https://${host}:${impostor.port}/`)
    check(
      `${host}, with the stolen key: ${isPermitted ? 'opened' : 'refused'}`,
      seen.includes('taken in') === isPermitted,
    )
    await impostor.stop(true)
  }
} finally {
  rmSync(workFolder, { recursive: true, force: true })
}
process.stdout.write(`${passes} passed, ${failures} failed\n`)
process.exit(failures === 0 ? 0 : 1)
