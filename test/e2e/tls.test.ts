import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findAuthority } from '../../src/tls/local/authority'
import { tlsFolder } from '../../src/tls/local/folder'
import { createLeafCertificate } from '../../src/tls/x509'
import { type RunningServer, run, serve, temporaryFolder } from '../support/executable'
import { random } from '../support/timing'
import { until } from '../support/until'
import { waitForExit } from '../support/wait-for-exit'

const folder = temporaryFolder()
const dataDir = join(folder.path, 'data')
const ca = join(dataDir, 'tls', 'ca.crt')
let server: RunningServer

beforeAll(async () => {
  server = await serve(dataDir, {}, ['--listen-tls', '127.0.0.1:0'])
}, 300_000)

afterAll(async () => {
  await server.end('SIGTERM')
  folder[Symbol.dispose]()
})

function tlsPort(): string {
  return /listening on https:\/\/127\.0\.0\.1:(\d+)\//.exec(server.log.join('\n'))?.[1] ?? ''
}

/** Runs a tool of the system and returns its exit code and output. */
async function runTool(
  command: readonly string[],
  environment: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  const child = Bun.spawn([...command], {
    env: { PATH: process.env['PATH'] ?? '', HOME: folder.path, ...environment },
    stdin: new Blob([]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const { code, stdout, stderr } = await waitForExit(child)
  return { code, output: stdout + stderr }
}

/** Sends a request with Node, which trusts our CA. Prints the response, or the error. */
function node(url: string, address = '127.0.0.1') {
  const script = `
    const { get } = require('node:https')
    const lookup = (_host, options, done) =>
      options.all ? done(null, [{ address: '${address}', family: 4 }]) : done(null, '${address}', 4)
    get('${url}', { lookup }, (answer) => answer.pipe(process.stdout))
      .on('error', ({ code, message }) => console.log(code, message))`
  return runTool(['node', '--eval', script], { NODE_EXTRA_CA_CERTS: ca })
}

describe('clients with our CA installed', () => {
  test.each(['localhost', '127.0.0.1'])(
    'accept the server at %s over HTTPS: curl and Node',
    async (host) => {
      const url = `https://${host}:${tlsPort()}/readyz`
      const byCurl = await runTool(['curl', '--silent', '--show-error', '--cacert', ca, url])
      expect(byCurl).toEqual({ code: 0, output: '{"status":"ready"}' })
      expect((await node(url)).output).toBe('{"status":"ready"}')
    },
  )

  test('are the only ones that accept it; others can use HTTP', async () => {
    const refused = await runTool([
      'curl',
      '--silent',
      '--show-error',
      `https://localhost:${tlsPort()}/`,
    ])
    expect(refused.code).toBe(60)
    const plain = await runTool(['curl', '--silent', '--fail', new URL('/readyz', server.url).href])
    expect(plain.output).toBe('{"status":"ready"}')
  })
})

test.each([
  ['-tls1', false],
  ['-tls1_1', false],
  ['-tls1_2', true],
  ['-tls1_3', true],
])('a handshake of %s succeeds: %p', async (version, isAccepted) => {
  // At security level 0 the client allows old versions, so it is the server that refuses.
  const { code, output } = await runTool([
    'openssl',
    's_client',
    '-connect',
    `127.0.0.1:${tlsPort()}`,
    '-CAfile',
    ca,
    '-verify_return_error',
    version,
    '-cipher',
    'DEFAULT@SECLEVEL=0',
  ])
  expect(code === 0).toBe(isAccepted)
  expect(output).toContain(isAccepted ? 'Verify return code: 0 (ok)' : 'alert protocol version')
})

describe("a thief of the CA's key", () => {
  /** Starts a server with a certificate for these names, issued with the stolen key. */
  async function impostor(names: readonly string[]) {
    const authority = await findAuthority(tlsFolder(join(dataDir, 'tls')))
    if (authority === null) throw new Error('no authority')
    const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3600_000 }
    const leaf = await createLeafCertificate(authority, { names, ...validity }, random)
    const file = join(folder.path, `${crypto.randomUUID()}.pem`)
    writeFileSync(file, leaf.cert)
    const listening = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      tls: leaf,
      fetch: () => new Response('taken in'),
    })
    return {
      file,
      port: String(listening.port),
      [Symbol.asyncDispose]: () => listening.stop(true),
    }
  }

  const curlAt = (host: string, port: string) =>
    runTool([
      ...['curl', '--silent', '--show-error', '--cacert', ca],
      ...['--resolve', `${host}:${port}:127.0.0.1`, `https://${host}:${port}/`],
    ])

  test('can impersonate another host of the network', async () => {
    await using thief = await impostor(['other.local'])
    const verified = await runTool(['openssl', 'verify', '-CAfile', ca, thief.file])
    expect(verified.output).toEndWith(': OK\n')
    expect((await curlAt('other.local', thief.port)).output).toBe('taken in')
    expect((await node(`https://other.local:${thief.port}/`)).output).toBe('taken in')
  })

  test.each([
    ['a name on the internet', ['bank.example.org'], 'bank.example.org'],
    ['one beside a name of the network', ['pi.local', 'bank.example.org'], 'pi.local'],
    ['an address on the internet', ['pi.local', '8.8.8.8'], 'pi.local'],
  ])('can not impersonate %s: openssl, curl and Node refuse', async (_what, names, host) => {
    await using thief = await impostor(names)
    const verified = await runTool(['openssl', 'verify', '-CAfile', ca, thief.file])
    expect(verified.code).not.toBe(0)
    expect(verified.output).toContain('permitted subtree violation')
    const byCurl = await curlAt(host, thief.port)
    expect(byCurl.code).toBe(60)
    expect(byCurl.output).toContain('permitted subtree violation')
    const byNode = await node(`https://${host}:${thief.port}/`)
    expect(byNode.output).toContain('permitted subtree violation')
  })
})

describe('snailpass tls', () => {
  const snailpass = (...args: string[]) => run(['tls', ...args, '--data-dir', dataDir])

  test('shows the certificate, and prints that of the CA', async () => {
    const { fingerprint256 } = new X509Certificate(readFileSync(ca))
    const shown = await snailpass('show', '--json', '--listen-tls', '127.0.0.1:1')
    expect(JSON.parse(shown.stdout)).toMatchObject({
      mode: 'local',
      is_served: true,
      certificate: { names: expect.arrayContaining(['localhost', '127.0.0.1']) },
      ca: { sha256: fingerprint256, permitted_names: expect.arrayContaining(['local']) },
    })
    const result = await snailpass('show', '--listen', '127.0.0.1:1')
    expect(result.stdout).toContain(fingerprint256)
    expect(result.stderr).toBe('HTTPS is off: turn it on with SNAILPASS_LISTEN_TLS=0.0.0.0:5443.\n')
    expect((await snailpass('ca')).stdout).toBe(readFileSync(ca, 'utf8'))
    expect((await snailpass('ca', '--fingerprint')).stdout).toBe(`${fingerprint256}\n`)
  })

  test('renews while a server runs, which loads the new certificate', async () => {
    const before = await servedFingerprint()
    const renewed = await snailpass('renew')
    expect(renewed).toMatchObject({ code: 0, stdout: expect.stringContaining('localhost\n') })
    const { certificate } = JSON.parse((await snailpass('show', '--json')).stdout)
    expect(certificate.sha256).not.toBe(before)
    await until(
      async () => (await servedFingerprint()) === certificate.sha256,
      'the server to serve the renewed certificate',
      { interval: 100 },
    )
  }, 300_000)

  test('creates a new CA only on request, and with confirmation', async () => {
    const before = readFileSync(ca, 'utf8')
    const refused = await snailpass('renew', '--authority')
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('hint: use --yes to skip')
    expect(readFileSync(ca, 'utf8')).toBe(before)
  })

  test('creates one CA, however many processes start at once', async () => {
    using empty = temporaryFolder()
    const renewals = Array.from({ length: 4 }, () =>
      run(['tls', 'renew', '--data-dir', join(empty.path, 'data')]),
    )
    const results = await Promise.all(renewals)
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0])
    expect(
      results.filter(({ stderr }) => stderr.includes('New certificate authority')),
    ).toHaveLength(1)
    const authority = join(empty.path, 'data', 'tls', 'ca.crt')
    const leaf = join(empty.path, 'data', 'tls', 'leaf.pem')
    expect((await runTool(['openssl', 'verify', '-CAfile', authority, leaf])).code).toBe(0)
  })

  test('says if there is no certificate yet', async () => {
    using empty = temporaryFolder()
    const found = await run(['tls', 'ca', '--data-dir', empty.path])
    expect(found).toMatchObject({ code: 3, stdout: '' })
    expect(found.stderr).toContain('hint: the first start with --listen-tls creates it')
    const shown = await run(['tls', 'show', '--data-dir', empty.path])
    expect(shown.stdout).toContain('none yet')
    const results = await run(['tls', 'renew', '--data-dir', empty.path])
    expect(results).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('New certificate authority'),
    })
  })

  async function servedFingerprint(): Promise<string> {
    const { output } = await runTool(['openssl', 's_client', '-connect', `127.0.0.1:${tlsPort()}`])
    return new X509Certificate(output.slice(output.indexOf('-----BEGIN'))).fingerprint256
  }
})
