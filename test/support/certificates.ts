import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** A certificate with its key, both as PEM. */
export interface CertifiedKey {
  readonly certificate: string
  readonly key: string
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** Whom a certificate is for, and from when to when, in milliseconds since 1970: an hour around now unless told. */
type Subject = ({ names: readonly string[] } | { user: string }) & {
  readonly notBefore?: number
  readonly notAfter?: number
}

/** A new certificate authority, with the name of that of a certificate, if one is given. */
export async function anAuthority(options: { readonly calledLike?: string } = {}): Promise<{
  readonly certificate: string
  /** Certifies a new key: a server's for these names, or a client's for this user. */
  certify(subject: Subject): Promise<CertifiedKey>
}> {
  const notBefore = new Date(Date.now() - 3_600_000)
  const notAfter = new Date(Date.now() + 3_600_000)
  const keys = await newKeys()
  const name =
    options.calledLike === undefined
      ? 'CN=Test authority'
      : new X509Certificate(options.calledLike).subjectName
  const authority = await X509CertificateGenerator.createSelfSigned(
    {
      name,
      notBefore,
      notAfter,
      keys,
      signingAlgorithm: algorithm,
      extensions: [new BasicConstraintsExtension(true, undefined, true)],
    },
    crypto,
  )
  return {
    certificate: `${authority.toString('pem')}\n`,
    async certify(subject) {
      const own = await newKeys()
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
      return { certificate: `${certificate.toString('pem')}\n`, key: pem('PRIVATE KEY', key) }
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

function newKeys() {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

function pem(label: string, bytes: ArrayBuffer): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
