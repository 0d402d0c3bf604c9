import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** A certificate with its key, both as PEM. */
export interface IssuedCertificate {
  readonly certificate: string
  readonly key: string
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** The names or user of a certificate, and its validity in milliseconds since 1970. Default: from an hour ago for two hours. */
type Subject = ({ names: readonly string[] } | { user: string }) & {
  readonly notBefore?: number
  readonly notAfter?: number
}

/** Creates a certificate authority; with `sameNameAs`, it has the subject of that certificate (PEM). */
export async function createTestAuthority(options: { readonly sameNameAs?: string } = {}): Promise<{
  readonly certificate: string
  /** Issues a certificate with a new key: for a server with these names, or for a client with this user name. */
  issue(subject: Subject): Promise<IssuedCertificate>
}> {
  const notBefore = new Date(Date.now() - 3_600_000)
  const notAfter = new Date(Date.now() + 3_600_000)
  const keys = await generateKeys()
  const name =
    options.sameNameAs === undefined
      ? 'CN=Test authority'
      : new X509Certificate(options.sameNameAs).subjectName
  const authority = await X509CertificateGenerator.createSelfSigned(
    {
      name,
      // Some tests set the clock.
      notBefore: new Date(Date.UTC(2020, 0)),
      notAfter: new Date(Date.UTC(2049, 0)),
      keys,
      signingAlgorithm: algorithm,
      extensions: [new BasicConstraintsExtension(true, undefined, true)],
    },
    crypto,
  )
  return {
    certificate: `${authority.toString('pem')}\n`,
    async issue(subject) {
      const own = await generateKeys()
      const names = 'names' in subject ? subject.names : []
      const certificate = await X509CertificateGenerator.create(
        {
          issuer: name,
          subject: `CN=${'user' in subject ? subject.user : 'Test server'}`,
          notBefore: subject.notBefore === undefined ? notBefore : new Date(subject.notBefore),
          notAfter: subject.notAfter === undefined ? notAfter : new Date(subject.notAfter),
          publicKey: own.publicKey,
          signingKey: keys.privateKey,
          signingAlgorithm: algorithm,
          extensions: names.length === 0 ? [] : [alternativeNames(names)],
        },
        crypto,
      )
      const key = await crypto.subtle.exportKey('pkcs8', own.privateKey)
      return { certificate: `${certificate.toString('pem')}\n`, key: toPem('PRIVATE KEY', key) }
    },
  }
}

function alternativeNames(names: readonly string[]): SubjectAlternativeNameExtension {
  return new SubjectAlternativeNameExtension(
    names.map((value) => ({
      type: /^[\d.]+$/.test(value) ? ('ip' as const) : ('dns' as const),
      value,
    })),
  )
}

function generateKeys() {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

function toPem(label: string, bytes: ArrayBuffer): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
