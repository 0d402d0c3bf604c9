import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './executable'

/** What openssl makes a certificate of. Every member but the extensions has a default. */
export interface CertificateRequest {
  /** Arguments for the new key. Default: P-256. */
  readonly key?: readonly string[]
  /** Arguments of `openssl req` besides, such as `-sha1`. */
  readonly options?: readonly string[]
  readonly days?: number
  readonly extensions: readonly string[]
}

export interface OpensslCertificate {
  readonly name: string
  readonly subject: string
  readonly keyFile: string
  readonly cert: string
  readonly key: string
}

export const p256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
export const caExtensions = [
  'basicConstraints=critical,CA:TRUE',
  'keyUsage=critical,keyCertSign,cRLSign',
]

/** Creates certificates with openssl, which knows keys and signatures that nothing else here does. */
export function createOpenssl() {
  const folder = temporaryFolder()
  const path = (name: string) => join(folder.path, name)
  let count = 0
  const rsaKeys = new Map<string, string>()
  // The system's own configuration would add extensions.
  writeFileSync(path('config'), '[req]\ndistinguished_name=name\n[name]\n')

  function run(args: readonly string[]): void {
    const { exitCode, stderr } = Bun.spawnSync(['openssl', ...args], {
      stdin: null,
      stderr: 'pipe',
    })
    if (exitCode !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`)
  }

  function create(
    keyArguments: readonly string[],
    { options = [], days = 30, extensions, subject }: CertificateRequest & { subject: string },
    issuer: OpensslCertificate | null,
  ): OpensslCertificate {
    const name = `certificate-${++count}`
    run([
      ...['req', '-x509', '-config', path('config'), ...keyArguments, '-out', path(`${name}.crt`)],
      ...['-subj', `/CN=${subject}`, '-days', String(days), ...options],
      ...extensions.flatMap((extension) => ['-addext', extension]),
      ...(issuer === null ? [] : ['-CA', path(`${issuer.name}.crt`), '-CAkey', issuer.keyFile]),
    ])
    const keyFile = keyArguments.at(-1) ?? ''
    return {
      name,
      subject,
      keyFile,
      cert: readFileSync(path(`${name}.crt`), 'utf8'),
      key: readFileSync(keyFile, 'utf8'),
    }
  }

  return {
    /** Issues a certificate for a new key (of RSA: for the same key of its size each time); a self-signed one without an issuer. */
    issue(request: CertificateRequest, issuer: OpensslCertificate | null = null) {
      const [kind = '', ...keyOptions] = request.key ?? p256
      const subject = `certificate-${count + 1}`
      // New RSA keys take longest.
      const known = rsaKeys.get(kind)
      if (known !== undefined) return create(['-key', known], { ...request, subject }, issuer)
      const keyFile = path(`${subject}.key`)
      if (kind.startsWith('rsa:')) rsaKeys.set(kind, keyFile)
      const keyArguments = ['-newkey', kind, ...keyOptions, '-nodes', '-keyout', keyFile]
      return create(keyArguments, { ...request, subject }, issuer)
    },
    /** Issues another certificate for the key and the subject of one. */
    renew(
      { keyFile, subject }: OpensslCertificate,
      request: CertificateRequest,
      issuer: OpensslCertificate | null,
    ) {
      return create(['-key', keyFile], { ...request, subject }, issuer)
    },
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}
