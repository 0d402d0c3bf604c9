import './reflect'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { isIP } from 'node:net'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from '@peculiar/asn1-x509'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { KeyPair } from '../domain/certificates'
import type { Random } from '../domain/runtime'
import type { AuthorityConstraints } from './local/names'

/** Every client supports it, and a signature takes a millisecond on a Raspberry Pi. */
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A validity period in milliseconds since 1970 (UTC). Certificates store whole seconds. */
interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

/** Returns a new private key as PEM. */
export async function generateKey(): Promise<string> {
  return await exportKeyPem((await generateKeyPair()).privateKey)
}

/**
 * Returns the certificate (PEM) of a certificate authority with this key. It may only issue certificates of servers, and
 * only for the names that its constraints permit (RFC 5280, section 4.2.1.10): a thief of the key can neither sign programs
 * nor impersonate a bank. Throws if the key is not on P-256.
 */
export async function createAuthorityCertificate(
  key: string,
  {
    hostname,
    constraints,
    notBefore,
    notAfter,
  }: Validity & { readonly hostname: string; readonly constraints: AuthorityConstraints },
  random: Random,
): Promise<string> {
  const keys = await importKeyPair(key)
  const keyId = await SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto)
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      // With a part of the key's hash, so that a list shows which of two authorities of one host it is.
      name: [{ CN: [`SnailPass ${hostname} ${keyId.keyId.slice(0, 8)}`] }],
      serialNumber: generateSerial(random),
      notBefore: new Date(notBefore),
      notAfter: new Date(notAfter),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new Extension(id_ce_nameConstraints, true, encodeConstraints(constraints)),
        keyId,
      ],
    },
    crypto,
  )
  return certificatePem(certificate)
}

/** Returns a new key and a certificate for these names and IP addresses, followed by the certificate of its authority. */
export async function createLeafCertificate(
  authority: KeyPair,
  { names, notBefore, notAfter }: Validity & { readonly names: readonly string[] },
  random: Random,
): Promise<KeyPair> {
  const issuer = new X509Certificate(authority.cert)
  const keys = await generateKeyPair()
  const certificate = await X509CertificateGenerator.create(
    {
      issuer: issuer.subjectName,
      // For people: programs read the alternative names. A common name has at most 64 characters.
      subject: [{ CN: ['SnailPass server'] }],
      serialNumber: generateSerial(random),
      notBefore: new Date(notBefore),
      notAfter: new Date(notAfter),
      publicKey: keys.publicKey,
      signingKey: (await importKeyPair(authority.key)).privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        alternativeNames(names),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
        await AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, crypto),
      ],
    },
    crypto,
  )
  return {
    cert: certificatePem(certificate) + authority.cert,
    key: await exportKeyPem(keys.privateKey),
  }
}

/** Returns a new key and a certificate signing request for it (PKCS #10), both as PEM. */
export async function createCsr(names: readonly string[]): Promise<{ csr: string; key: string }> {
  const keys = await generateKeyPair()
  const request = await Pkcs10CertificateRequestGenerator.create(
    { keys, signingAlgorithm: algorithm, extensions: [alternativeNames(names)] },
    crypto,
  )
  return { csr: request.toString('pem'), key: await exportKeyPem(keys.privateKey) }
}

/** Lifetime of a placeholder in milliseconds. Every start creates a new one. */
const placeholderLifetime = 90 * 24 * 3600_000

/** Returns a self-signed certificate that no client trusts, so that HTTPS can listen before a real one is issued. */
export async function createPlaceholder(names: readonly string[], now: number): Promise<KeyPair> {
  const keys = await generateKeyPair()
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=SnailPass has no certificate yet',
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(now - 24 * 3600_000),
      notAfter: new Date(now + placeholderLifetime),
      extensions: [alternativeNames(names)],
    },
    crypto,
  )
  return { cert: certificatePem(certificate), key: await exportKeyPem(keys.privateKey) }
}

function encodeConstraints({ domains, networks }: AuthorityConstraints): ArrayBuffer {
  const bases = [
    ...domains.map((dNSName) => new GeneralName({ dNSName })),
    ...networks.map((iPAddress) => new GeneralName({ iPAddress })),
  ]
  const permittedSubtrees = new GeneralSubtrees(bases.map((base) => new GeneralSubtree({ base })))
  return AsnConvert.serialize(new NameConstraints({ permittedSubtrees }))
}

function alternativeNames(names: readonly string[]): SubjectAlternativeNameExtension {
  return new SubjectAlternativeNameExtension(
    names.map((value) => ({
      type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
      value,
    })),
  )
}

/** Returns a positive serial number of fixed length with 126 random bits (RFC 5280, section 4.1.2.2, allows 20 octets). */
function generateSerial(random: Random): string {
  const [first = 0, ...rest] = random(16)
  return Buffer.from([(first & 0x3f) | 0x40, ...rest]).toString('hex')
}

function generateKeyPair() {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function importKeyPair(key: string): Promise<CryptoKeyPair> {
  const { subtle } = crypto
  const spki = new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }))
  // Other tools write the key in other formats, such as `BEGIN EC PRIVATE KEY`.
  const pkcs8 = new Uint8Array(createPrivateKey(key).export({ type: 'pkcs8', format: 'der' }))
  return {
    publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
    privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
  }
}

async function exportKeyPem(key: CryptoKey): Promise<string> {
  const bytes = await crypto.subtle.exportKey('pkcs8', key)
  return `${PemConverter.encode(bytes, PemConverter.PrivateKeyTag)}\n`
}

function certificatePem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}
