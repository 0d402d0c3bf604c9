import {
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** P-256: every client of the last ten years takes it, and a handshake costs a Raspberry Pi little. */
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A new key with a request for a certificate (PKCS #10): the request as base64url of its DER, the key as PEM. */
export async function requestFor(names: readonly string[]): Promise<{ csr: string; key: string }> {
  const keys = await newKeys()
  const request = await Pkcs10CertificateRequestGenerator.create(
    { keys, signingAlgorithm: algorithm, extensions: [alternativeNames(names)] },
    crypto,
  )
  return { csr: Buffer.from(request.rawData).toString('base64url'), key: await pemOf(keys) }
}

/** How long a placeholder lasts, in milliseconds; every start makes a new one. */
const placeholderLife = 90 * 24 * 3600_000

/** A certificate that nobody trusts, so that HTTPS listens before there is a real one. */
export async function makePlaceholder(
  names: readonly string[],
  now: number,
): Promise<{ cert: string; key: string }> {
  const keys = await newKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=SnailPass has no certificate yet',
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(now - 24 * 3600_000),
      notAfter: new Date(now + placeholderLife),
      extensions: [alternativeNames(names)],
    },
    crypto,
  )
  return { cert: certificate.toString('pem'), key: await pemOf(keys) }
}

function alternativeNames(names: readonly string[]): SubjectAlternativeNameExtension {
  return new SubjectAlternativeNameExtension(
    names.map((value) => ({ type: 'dns' as const, value })),
  )
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function pemOf({ privateKey }: CryptoKeyPair): Promise<string> {
  const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey))
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n')
}
