import type { X509Certificate } from 'node:crypto'
import { formatDate } from '../domain/text'
import { isLoggedPublicly, readCertificateFields } from './certificate-fields'
import { isIssuedFor } from './certificate-info'
import {
  type CertificateProblem,
  formatDistinguishedName,
  reviewIssuer,
  reviewLeaf,
} from './certificate-rights'
import { isSelfSigned } from './chain'
import type { ServableKeyPair } from './key-pair'
import { findPublicPart, isIssuedBySystemRoot } from './roots'

/** What browsers and clients make of a certificate from files. */
export interface CertificateReview {
  /** Whether browsers trust it without further setup. */
  readonly isPubliclyTrusted: boolean
  /** Problems that do not depend on the time. */
  readonly problems: readonly CertificateProblem[]
  /** Returns why the certificate is not valid at a time, as the end of a sentence; null if it and its issuers are valid. */
  findValidityProblem(now: number): string | null
  /** The same of its issuers alone. */
  findIssuerProblem(now: number): string | null
}

const day = 24 * 3600_000

/** The longest validity in days: Apple's limit for all certificates, and that of all browsers for those of public CAs. */
const maxDays = 825
const maxPublicDays = 398

/** Reviews a certificate. `file` names it in messages; `publicName` is the name that it has to be for, in the form of `parseName`. */
export function reviewCertificate(
  { chain, info }: ServableKeyPair,
  { file, publicName }: { readonly file: string; readonly publicName: string | null },
): CertificateReview {
  const publicPart = findPublicPart(chain)
  const [leaf, ...issuers] = publicPart ?? chain
  const periods = issuers.map((issuer) => ({
    name: formatDistinguishedName(issuer.subject),
    ...periodOf(issuer),
  }))
  const findIssuerProblem = (now: number) => {
    for (const period of periods) {
      const problem = findPeriodProblem(period, now)
      if (problem !== null) return `has an issuer, ${period.name}, that ${problem}`
    }
    return null
  }
  return {
    isPubliclyTrusted: publicPart !== null,
    problems: [
      ...(leaf === undefined ? [] : reviewLeaf(leaf, file)),
      ...reviewNames(info.names, file, publicName),
      ...reviewLifetime(info, file, publicPart !== null),
      ...issuers.flatMap((issuer, index) => reviewIssuer(issuer, index, file)),
      ...(publicPart === null ? reviewEnd(chain, file) : []),
    ],
    findValidityProblem: (now) => findPeriodProblem(info, now) ?? findIssuerProblem(now),
    findIssuerProblem,
  }
}

function reviewNames(
  names: readonly string[],
  file: string,
  publicName: string | null,
): readonly CertificateProblem[] {
  if (names.length === 0) {
    return [
      {
        what: `the certificate ${file} has no subject alternative name (SAN) that is a host name or an address`,
        why: 'clients ignore the common name, and reject the certificate',
        fix: 'have it issued with each name of the server as a DNS name, and each address as an IP address',
      },
    ]
  }
  if (publicName === null || isIssuedFor(publicName, { names })) return []
  return [
    {
      what: `the certificate ${file} is not for ${publicName}`,
      why: 'devices that connect to such a name reject the certificate',
      fix: 'get a certificate for these names, or set SNAILPASS_PUBLIC_URL to a name of the certificate',
    },
  ]
}

function reviewLifetime(
  { notBefore, notAfter }: ServableKeyPair['info'],
  file: string,
  isPublic: boolean,
): readonly CertificateProblem[] {
  const max = isPublic ? maxPublicDays : maxDays
  if (notAfter - notBefore <= max * day) return []
  return [
    {
      what: `the certificate ${file} is valid for more than ${max} days`,
      why: `${isPublic ? 'browsers reject' : "Apple's devices reject"} it`,
      fix: `have it issued for at most ${max} days`,
    },
  ]
}

/**
 * Reviews where a chain ends that leads to no root that browsers know. Whether the issuer at its end is a root of the
 * operator's own, or an intermediate certificate is missing, can't be told; but most such roots have intermediate
 * certificates, and that of a public CA must lead further.
 */
function reviewEnd(chain: readonly X509Certificate[], file: string): readonly CertificateProblem[] {
  const last = chain.at(-1)
  if (last === undefined || isSelfSigned(last) || isIssuedBySystemRoot(last)) return []
  const isPublicCa = chain.some((certificate) =>
    isLoggedPublicly(readCertificateFields(certificate)),
  )
  if (chain.length > 1 && !isPublicCa) return []
  return [
    {
      what: `${file} lacks the certificate of the issuer ${formatDistinguishedName(last.issuer)}`,
      why: 'devices that do not have it installed reject the connection',
      fix: `append it to ${file}; tools call the file that contains it fullchain.pem. Append a root CA of your own as well`,
    },
  ]
}

interface Period {
  readonly notBefore: number
  readonly notAfter: number
}

function periodOf({ validFrom, validTo }: X509Certificate): Period {
  return { notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) }
}

function findPeriodProblem({ notBefore, notAfter }: Period, now: number): string | null {
  if (now >= notAfter) return `expired on ${formatDate(notAfter)}`
  return now < notBefore ? `is not valid before ${formatDate(notBefore)}` : null
}
