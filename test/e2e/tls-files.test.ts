import { afterAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, serve, temporaryFolder } from '../support/executable'
import { caExtensions, createOpenssl } from '../support/openssl'
import { waitForExit } from '../support/wait-for-exit'

const folder = temporaryFolder()
const openssl = createOpenssl()
afterAll(() => {
  folder[Symbol.dispose]()
  openssl[Symbol.dispose]()
})

const extensions = ['subjectAltName=DNS:localhost,IP:127.0.0.1']
const root = openssl.issue({ extensions: caExtensions })
const intermediate = openssl.issue({ extensions: caExtensions }, root)
const leaf = openssl.issue({ extensions }, intermediate)
const foreign = openssl.issue({ extensions: caExtensions })
const path = (name: string) => join(folder.path, name)
writeFileSync(path('root.pem'), root.cert)

/** Starts a server with these texts as its files. */
async function serveFiles(
  cert: string | Uint8Array,
  key: string | Uint8Array,
  publicUrl = 'https://localhost/',
) {
  writeFileSync(path('cert.pem'), cert)
  writeFileSync(path('key.pem'), key, { mode: 0o600 })
  const environment = {
    SNAILPASS_TLS: 'files',
    SNAILPASS_TLS_CERT: path('cert.pem'),
    SNAILPASS_TLS_KEY: path('key.pem'),
    SNAILPASS_LISTEN_TLS: '127.0.0.1:0',
    SNAILPASS_PUBLIC_URL: publicUrl,
  }
  const server = await serve(path('data'), environment)
  const port = /listening on https:\/\/127\.0\.0\.1:(\d+)\//.exec(server.log.join('\n'))?.[1] ?? ''
  return { server, environment, port }
}

async function runTool(command: readonly string[]) {
  const options = { stdin: new Blob([]), stdout: 'pipe', stderr: 'pipe' } as const
  const { code, stdout, stderr } = await waitForExit(Bun.spawn([...command], options))
  return { code, output: stdout + stderr }
}

const curl = (port: string) =>
  runTool([
    'curl',
    '--silent',
    '--show-error',
    '--cacert',
    path('root.pem'),
    `https://localhost:${port}/healthz`,
  ])

describe('certificate files', () => {
  test('in disorder are served in order: openssl and curl verify the chain', async () => {
    const texts = [foreign, root, leaf, intermediate, leaf].map(({ cert }) => cert).join('text\r\n')
    const cert = Buffer.from(`\ufeff${texts}`, 'utf16le')
    const key = `\ufeff${foreign.key}${leaf.key}`.replaceAll('\n', '\r\n')
    const { server, port } = await serveFiles(cert, key)
    const { output } = await runTool([
      ...['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-CAfile', path('root.pem')],
      ...['-verify_return_error', '-showcerts'],
    ])
    expect(output).toContain('Verify return code: 0 (ok)')
    const sent = output.match(/-----BEGIN CERT[\s\S]*?-----END CERTIFICATE-----\n/g) ?? []
    expect(sent.slice(0, 3)).toEqual([leaf.cert, intermediate.cert, root.cert])
    expect(output).not.toContain(foreign.name)
    expect(await curl(port)).toEqual({ code: 0, output: '{"status":"alive"}' })
    expect(server.log.filter((line) => / (?:warn|error) /.test(line))).toEqual([])
    await server.end('SIGTERM')
  }, 300_000)

  test('that clients reject are served, with a warning in the log and by doctor', async () => {
    const { server, environment, port } = await serveFiles(
      leaf.cert,
      leaf.key,
      'https://vault.example.org/',
    )
    const problems = [
      `the certificate ${path('cert.pem')} is not for vault.example.org`,
      `${path('cert.pem')} lacks the certificate of the issuer "CN=${intermediate.name}"`,
    ]
    const warnings = server.log.filter((line) => line.includes(' warn '))
    expect(warnings).toEqual(
      problems.map((problem) =>
        expect.stringMatching(new RegExp(`warn  ${RegExp.escape(problem)}: .* hint=`)),
      ),
    )
    expect((await curl(port)).code).toBe(60)
    const doctor = await run(['doctor', '--json', '--data-dir', path('data')], { environment })
    const { checks }: { checks: { name: string; findings: { what: string }[] }[] } = JSON.parse(
      doctor.stdout,
    )
    const found = checks.find(({ name }) => name === 'certificate')?.findings ?? []
    expect(found.map(({ what }) => what)).toEqual(problems)
    expect(doctor.code).toBe(1)
    await server.end('SIGTERM')
  }, 300_000)

  test('with a key that no browser supports are refused with its name', async () => {
    const key = ['ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1']
    const unusual = openssl.issue({ key, extensions })
    writeFileSync(path('cert.pem'), unusual.cert)
    writeFileSync(path('key.pem'), unusual.key, { mode: 0o600 })
    const environment = {
      SNAILPASS_TLS: 'files',
      SNAILPASS_TLS_CERT: path('cert.pem'),
      SNAILPASS_TLS_KEY: path('key.pem'),
    }
    const args = ['serve', '--data-dir', path('data'), '--listen', '127.0.0.1:0']
    const { code, stderr } = await run([...args, '--listen-tls', '127.0.0.1:0'], { environment })
    expect(code).toBe(1)
    expect(stderr).toContain(
      `error: can't use ${path('cert.pem')}: it has a key on the curve secp256k1, which browsers do not support\nhint: `,
    )
  }, 300_000)
})
