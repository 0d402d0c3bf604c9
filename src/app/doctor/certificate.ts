import { hostname } from 'node:os'
import { acmeDirectoryOf } from '../../config/acme'
import type { Settings } from '../../config/settings'
import { formatDate } from '../../domain/text'
import { isIssuedFor } from '../../tls/certificate-info'
import { reviewCertificate } from '../../tls/certificate-problems'
import { readKeyPair } from '../../tls/file-source'
import { isPermitted, listUnpermittedNames } from '../../tls/local/names'
import { authorityWarningPeriod } from '../../tls/local/source'
import { findCertificate, type ServedCertificate } from '../operations/certificates'
import { namesOfMachine, pathsOf, publicNameOf } from '../server/certificates'
import type { Targets } from '../targets'
import type { Finding, Outcome } from './findings'
import { readLogHint, setClockCommand } from './system-commands'

const day = 24 * 3600_000

/** Most tools renew a certificate a month before it expires, or when a third of a shorter lifetime is left. */
const fileRenewalLead = 30 * day

/** Checks whether devices accept the certificate of HTTPS under every name of the server, and whether it is renewed in time. */
export async function checkCertificate({ settings, runtime }: Targets): Promise<Outcome> {
  if (settings.listenTls.length === 0) return { fact: 'HTTPS is off' }
  const served = await findCertificate(settings)
  const { certificate } = served
  if (certificate === null) {
    return served.mode === 'acme'
      ? { fact: 'none yet', findings: [missingCertificateFinding(settings)] }
      : { fact: 'none yet: it is issued at the first start' }
  }
  const now = runtime.clock()
  return {
    fact: `${served.mode}, valid until ${formatDate(certificate.notAfter)}`,
    findings: [
      ...validityFindings(served, certificate, now),
      ...(served.mode === 'files' ? await fileFindings(settings, now) : []),
      ...authorityFindings(served, now),
      ...nameFindings(settings, served, certificate),
    ],
  }
}

function missingCertificateFinding(settings: Settings): Finding {
  return {
    what: `there is no certificate from ${new URL(acmeDirectoryOf(settings)).host} yet`,
    why: 'until there is one, HTTPS uses a placeholder, which browsers and clients refuse',
    fix: `start the server, and find the reason in its log; ${readLogHint()}`,
  }
}

type Certificate = NonNullable<ServedCertificate['certificate']>

const renewalFixes: Readonly<Record<ServedCertificate['mode'], () => string>> = {
  files: () => 'check the tool that renews it, for example with `certbot renew --dry-run`',
  acme: () => `find out why the server does not renew it; ${readLogHint()}`,
  local: () => 'snailpass tls renew',
}

function validityFindings(
  { mode }: ServedCertificate,
  { file, notBefore, notAfter }: Certificate,
  now: number,
): readonly Finding[] {
  if (now < notBefore) {
    return [
      {
        what: `the certificate ${file} is not valid before ${formatDate(notBefore)}`,
        why: 'devices refuse to connect by HTTPS',
        fix: `set the clock of this machine: ${setClockCommand()}`,
      },
    ]
  }
  const third = (notAfter - notBefore) / 3
  // A renewal may take a day.
  const minRemaining = (mode === 'files' ? Math.min(fileRenewalLead, third) : third) - day
  const remaining = notAfter - now
  if (remaining >= minRemaining) return []
  const hasExpired = remaining <= 0
  return [
    {
      what: `the certificate ${file} ${hasExpired ? 'has expired' : 'expires'} on ${formatDate(notAfter)}`,
      why: hasExpired
        ? 'devices refuse to connect by HTTPS'
        : 'it should have been renewed by now; once it expires, devices refuse to connect by HTTPS',
      fix: renewalFixes[mode](),
    },
  ]
}

/** Reviews certificate files as the server does. The validity of the server's own certificate is checked for every mode. */
async function fileFindings(settings: Settings, now: number): Promise<readonly Finding[]> {
  const paths = pathsOf(settings)
  const { problems, findIssuerProblem } = reviewCertificate(await readKeyPair(paths), {
    file: paths.cert,
    publicName: publicNameOf(settings),
  })
  const problem = findIssuerProblem(now)
  if (problem === null) return problems
  return [
    ...problems,
    {
      what: `the certificate ${paths.cert} ${problem}`,
      why: 'devices refuse to connect by HTTPS',
      fix: 'get a certificate from a CA that is valid, with the chain that it has now',
    },
  ]
}

function authorityFindings({ authority }: ServedCertificate, now: number): readonly Finding[] {
  if (authority === null) return []
  const unpermitted = listUnpermittedNames(hostname(), authority.permits)
  const nameFinding = {
    what: `the certificate authority does not permit ${unpermitted.join(', ')}: this machine had another name when the CA was created`,
    why: 'devices refuse to connect to that name; the .local name and the addresses still work',
    fix: 'use one of those, or run snailpass tls renew --authority and install the new CA on every device',
  }
  const isExpiring = authority.notAfter - now < authorityWarningPeriod
  const expiryFinding = {
    what: `the certificate authority expires on ${formatDate(authority.notAfter)}`,
    why: 'its certificates are not valid after that, and every device has to install the next CA',
    fix: 'snailpass tls renew --authority, when you have all devices at hand',
  }
  const isEarly = now < authority.notBefore
  const clockFinding = {
    what: `the certificate authority is not valid before ${formatDate(authority.notBefore)}`,
    why: 'devices refuse its certificates: the clock was ahead when the CA was created, or it is behind now',
    fix: 'check the clock; if it is right, run snailpass tls renew --authority and install the new CA on every device',
  }
  return [
    ...(unpermitted.length > 0 ? [nameFinding] : []),
    ...(isExpiring ? [expiryFinding] : []),
    ...(isEarly ? [clockFinding] : []),
  ]
}

/**
 * Checks the names that other machines use. Names of the loopback interface do not matter, and the bare host name works in
 * few networks.
 */
function nameFindings(
  settings: Settings,
  { mode, authority }: ServedCertificate,
  certificate: Certificate,
): readonly Finding[] {
  if (mode === 'files') return []
  const publicName = publicNameOf(settings)
  const configuredNames =
    mode === 'local' ? [...namesOfMachine(settings), ...settings.tlsNames] : settings.acmeNames
  const permitted = configuredNames.filter(
    (name) => authority === null || isPermitted(name, authority.permits),
  )
  const needed = [...new Set([...(publicName === null ? [] : [publicName]), ...permitted])]
  const missing = needed.filter((name) => !isIssuedFor(name, certificate))
  if (missing.length === 0) return []
  const isForbidden = missing.some(
    (name) => authority !== null && !isPermitted(name, authority.permits),
  )
  return [
    {
      what: `the certificate ${certificate.file} is not for ${missing.join(', ')}`,
      why: 'devices that connect to such a name reject the certificate',
      fix:
        mode === 'acme'
          ? 'add these names to SNAILPASS_ACME_NAMES and restart the server'
          : isForbidden
            ? 'the local CA permits only names of your network: for others, use SNAILPASS_TLS=files'
            : 'snailpass tls renew',
    },
  ]
}
