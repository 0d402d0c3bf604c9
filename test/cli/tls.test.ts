import { describe, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatTime } from '../../cli/format'
import { runCommand } from '../support/cli'
import { temporaryFolder } from '../support/executable'

/** Reads the certificate in a file with a parser that is not ours. */
function readCertificate(path: string) {
  const { subject, issuer, validFrom, validTo, fingerprint256, subjectAltName } =
    new X509Certificate(readFileSync(path))
  const names = (subjectAltName ?? '').split(', ').map((name) => name.replace(/^[\w ]+:/, ''))
  return {
    subject,
    issuer,
    notBefore: Date.parse(validFrom),
    notAfter: Date.parse(validTo),
    sha256: fingerprint256,
    names,
  }
}

const iso = (time: number) => new Date(time).toISOString()

describe('the certificate of the local network', () => {
  test('is shown with its authority, in JSON as a whole and in lines', async () => {
    using folder = temporaryFolder()
    const tls = (...args: string[]) =>
      runCommand(['tls', ...args, '--data-dir', folder.path], {
        SNAILPASS_LISTEN_TLS: '0.0.0.0:5443',
        SNAILPASS_TLS_NAMES: 'one.lan',
      })
    const renewed = await tls('renew')
    const [caFile, leafFile] = ['ca.crt', 'leaf.pem'].map((name) => join(folder.path, 'tls', name))
    const [ca, leaf] = [readCertificate(caFile ?? ''), readCertificate(leafFile ?? '')]
    const { names } = leaf
    expect(names).toContain('one.lan')
    expect(renewed.code).toBe(0)
    expect(renewed.stderr).toBe(
      `New certificate authority, for devices to install: ${ca.sha256}\nNew certificate, valid until ${formatTime(leaf.notAfter)}, for:\n`,
    )
    const printedNames = renewed.stdout.trimEnd().split('\n')
    expect(printedNames).toHaveLength(names.length)

    const { stdout, ...rest } = await tls('show', '--json')
    expect(rest).toEqual({ code: 0, stderr: '' })
    const shown: { ca: { permitted_names: string[]; subject: string } } = JSON.parse(stdout)
    const { permitted_names: permits, subject } = shown.ca
    expect<unknown>(shown).toEqual({
      mode: 'local',
      is_served: true,
      certificate: {
        file: leafFile,
        subject: expect.any(String),
        issuer: subject,
        names: printedNames,
        valid_from: iso(leaf.notBefore),
        expires: iso(leaf.notAfter),
        sha256: leaf.sha256,
      },
      ca: {
        file: caFile,
        subject,
        valid_from: iso(ca.notBefore),
        expires: iso(ca.notAfter),
        sha256: ca.sha256,
        permitted_names: permits,
      },
    })
    expect(ca.subject).toContain(subject.replace(/^CN=/, ''))
    expect(permits).toContain('lan')
    expect(permits.slice(-3)).toEqual(['fc00::/7', 'fe80::/10', '::1/128'])

    expect(await tls('show')).toEqual({
      code: 0,
      stdout: [
        'mode             local',
        `certificate      ${leafFile}`,
        `names            ${printedNames.join(', ')}`,
        `issuer           ${subject}`,
        `valid            ${formatTime(leaf.notBefore)} to ${formatTime(leaf.notAfter)}`,
        `SHA-256          ${leaf.sha256}`,
        `CA certificate   ${caFile}`,
        `subject          ${subject}`,
        `permitted names  ${permits.join(', ')}`,
        `valid            ${formatTime(ca.notBefore)} to ${formatTime(ca.notAfter)}`,
        `CA SHA-256       ${ca.sha256}`,
        '',
      ].join('\n'),
      stderr: '',
    })
    expect((await tls('ca')).stdout).toBe(readFileSync(caFile ?? '', 'utf8'))
    expect((await tls('ca', '--fingerprint')).stdout).toBe(`${ca.sha256}\n`)
    // Only the certificate is new.
    const again = await tls('renew')
    expect(again.stderr).toMatch(/^New certificate, valid until .*, for:\n$/)
    expect(readCertificate(caFile ?? '').sha256).toBe(ca.sha256)
    expect(readCertificate(leafFile ?? '').sha256).not.toBe(leaf.sha256)
    const replaced = await tls('renew', '--authority', '--yes')
    expect(replaced.code).toBe(0)
    expect(readCertificate(caFile ?? '').sha256).not.toBe(ca.sha256)
  })

  test.each([
    ['local', 'it is issued at the first start with --listen-tls'],
    ['acme', 'a server with --listen-tls orders it, and logs why if that fails'],
  ])('that does not exist yet is shown as such: %s', async (mode, origin) => {
    using folder = temporaryFolder()
    const environment = {
      SNAILPASS_LISTEN: '127.0.0.1:0',
      SNAILPASS_TLS: mode,
      SNAILPASS_PUBLIC_URL: 'https://vault.example.org/',
    }
    const show = (...args: string[]) =>
      runCommand(['tls', 'show', '--data-dir', folder.path, ...args], environment)
    const shown = await show()
    expect(shown.stdout).toBe(`mode         ${mode}\ncertificate  none yet: ${origin}\n`)
    expect(shown.stderr).toEndWith(
      'HTTPS is off: turn it on with SNAILPASS_LISTEN_TLS=0.0.0.0:5443.\n',
    )
    expect(JSON.parse((await show('--json')).stdout)).toEqual({
      mode,
      is_served: false,
      certificate: null,
      ca: null,
    })
  })
})
