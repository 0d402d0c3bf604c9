import { hostname } from 'node:os'
import { acmeDirectoryOf } from '../../config/acme'
import type { Settings } from '../../config/settings'
import { formatDate } from '../../domain/text'
import { isIssuedFor } from '../../tls/certificate-info'
import { isPermitted, listUnpermittedNames, parseName } from '../../tls/local/names'
import { authorityWarningPeriod } from '../../tls/local/source'
import { findCertificate, type ServedCertificate } from '../operations/certificates'
import { namesOfMachine } from '../server/certificates'
import type { Targets } from '../targets'
import type { Finding, Outcome } from './findings'

const day = 24 * 3600_000

/** Whoever renews certificates does it a month before their end, or when a third of a short life is left. */
const fileRenewalLead = 30 * day

/** Whether HTTPS is served by a certificate that devices take, today and for some time to come, by every name. */
export async function checkCertificate({ settings, runtime }: Targets): Promise<Outcome> {
  if (settings.listenTls.length === 0) return { fact: 'HTTPS is off' }
  const served = await findCertificate(settings)
  const { certificate } = served
  if (certificate === null) {
    return served.mode === 'acme'
      ? { fact: 'none yet', findings: [missingCertificateFinding(settings)] }
      : { fact: 'none yet: the first start makes it' }
  }
  const now = runtime.clock()
  return {
    fact: `${served.mode}, until ${formatDate(certificate.notAfter)}`,
    findings: [
      ...validityFindings(served, certificate, now),
      ...authorityFindings(served, now),
      ...nameFindings(settings, served, certificate),
    ],
  }
}

function missingCertificateFinding(settings: Settings): Finding {
  return {
    what: `there is no certificate of ${new URL(acmeDirectoryOf(settings)).host} yet`,
    why: 'HTTPS has a placeholder until there is one: browsers and clients refuse it',
    fix: 'start the server, and see in its log why none comes, as with journalctl -u snailpass',
  }
}

type Certificate = NonNullable<ServedCertificate['certificate']>

function validityFindings(
  { mode }: ServedCertificate,
  { file, notBefore, notAfter }: Certificate,
  now: number,
): readonly Finding[] {
  const third = (notAfter - notBefore) / 3
  // A day later it should be done.
  const minRemaining = (mode === 'files' ? Math.min(fileRenewalLead, third) : third) - day
  const remaining = notAfter - now
  if (now >= notBefore && remaining >= minRemaining) return []
  const what =
    now < notBefore
      ? `the certificate ${file} is not valid before ${formatDate(notBefore)}`
      : remaining <= 0
        ? `the certificate ${file} has expired on ${formatDate(notAfter)}`
        : `the certificate ${file} expires on ${formatDate(notAfter)}`
  return [
    {
      what,
      why:
        remaining <= 0 || now < notBefore
          ? 'devices refuse to connect by HTTPS'
          : 'it should have been renewed by now; once it ends, devices refuse to connect by HTTPS',
      fix:
        now < notBefore
          ? 'set the clock of this machine: timedatectl set-ntp true'
          : mode === 'files'
            ? 'see why whoever renews it does not, as `certbot renew --dry-run`'
            : mode === 'acme'
              ? 'see in the log of the server why it is not renewed, as with journalctl -u snailpass'
              : 'snailpass tls renew',
    },
  ]
}

function authorityFindings({ authority }: ServedCertificate, now: number): readonly Finding[] {
  if (authority === null) return []
  const unpermitted = listUnpermittedNames(hostname(), authority.permits)
  const nameFinding = {
    what: `the certificate authority does not speak for ${unpermitted.join(', ')}: this machine had another name when it was made`,
    why: 'devices refuse to come by that name; the .local name and the addresses go on working',
    fix: 'use one of those; or snailpass tls renew --authority, which every device has to install',
  }
  const isLate = authority.notAfter - now < authorityWarningPeriod
  const expiryFinding = {
    what: `the certificate authority expires on ${formatDate(authority.notAfter)}`,
    why: 'nothing that it has certified is valid from then on, and every device has to install the next one',
    fix: 'snailpass tls renew --authority, at a time when you can reach the devices',
  }
  const isEarly = now < authority.notBefore
  const clockFinding = {
    what: `the certificate authority is not valid before ${formatDate(authority.notBefore)}`,
    why: 'devices refuse whatever it has certified: it was made while the clock was ahead, or the clock is behind now',
    fix: 'see that the clock is right; if it is, snailpass tls renew --authority, which every device has to install',
  }
  return [
    ...(unpermitted.length > 0 ? [nameFinding] : []),
    ...(isLate ? [expiryFinding] : []),
    ...(isEarly ? [clockFinding] : []),
  ]
}

/** Of the names that others use; this machine's loopback is no matter, and its bare name works in few networks. */
function nameFindings(
  settings: Settings,
  { mode, authority }: ServedCertificate,
  certificate: Certificate,
): readonly Finding[] {
  const { publicUrl } = settings
  const own = publicUrl?.protocol === 'https:' ? parseName(publicUrl.hostname) : null
  const machineNames =
    mode === 'local'
      ? [...namesOfMachine(settings), ...settings.tlsNames]
      : mode === 'acme'
        ? settings.acmeNames
        : []
  const permitted = machineNames.filter(
    (name) => authority === null || isPermitted(name, authority.permits),
  )
  const needed = [...new Set([...(own === null ? [] : [own]), ...permitted])]
  const missing = needed.filter((name) => !isIssuedFor(name, certificate))
  if (missing.length === 0) return []
  const isForbidden = missing.some(
    (name) => authority !== null && !isPermitted(name, authority.permits),
  )
  return [
    {
      what: `the certificate ${certificate.file} is not for ${missing.join(', ')}`,
      why: 'who comes by such a name is told that somebody else answers',
      fix:
        mode === 'files'
          ? 'have one made for these names, or set SNAILPASS_PUBLIC_URL to a name that it is for'
          : mode === 'acme'
            ? 'set SNAILPASS_ACME_NAMES to these names too, and start the server again'
            : isForbidden
              ? 'its authority speaks for names of your network alone: for others, SNAILPASS_TLS=files'
              : 'snailpass tls renew',
    },
  ]
}
