import { hostname } from 'node:os'
import { acmeDirectoryOf } from '../../config/acme'
import type { Settings } from '../../config/settings'
import { dateOf, isFor } from '../../tls/facts'
import { authorityLate } from '../../tls/local'
import { isPermitted, parseName, unspokenNames } from '../../tls/names'
import { findCertificate, namesOfMachine, type ServedCertificate } from '../certificates'
import type { World } from '../world'
import type { Finding, Outcome } from './findings'

const day = 24 * 3600_000

/** Whoever renews certificates does it a month before their end, or when a third of a short life is left. */
const filesLeft = 30 * day

/** Whether HTTPS is served by a certificate that devices take, today and for some time to come, by every name. */
export async function checkCertificate(settings: Settings, { clock }: World): Promise<Outcome> {
  if (settings.listenTls.length === 0) return { fact: 'HTTPS is off' }
  const served = await findCertificate(settings)
  const { certificate } = served
  if (certificate === null) {
    return served.mode === 'acme'
      ? { fact: 'none yet', findings: [notOrdered(settings)] }
      : { fact: 'none yet: the first start makes it' }
  }
  const now = clock()
  return {
    fact: `${served.mode}, until ${dateOf(certificate.notAfter)}`,
    findings: [
      ...validityFindings(served, certificate, now),
      ...authorityFindings(served, now),
      ...nameFindings(settings, served, certificate),
    ],
  }
}

function notOrdered(settings: Settings): Finding {
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
  const least = (mode === 'files' ? Math.min(filesLeft, third) : third) - day
  const left = notAfter - now
  if (now >= notBefore && left >= least) return []
  const what =
    now < notBefore
      ? `the certificate ${file} is not valid before ${dateOf(notBefore)}`
      : left <= 0
        ? `the certificate ${file} has expired on ${dateOf(notAfter)}`
        : `the certificate ${file} expires on ${dateOf(notAfter)}`
  return [
    {
      what,
      why:
        left <= 0 || now < notBefore
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
  const unspoken = unspokenNames(hostname(), authority.permits)
  const ofNames = {
    what: `the certificate authority does not speak for ${unspoken.join(', ')}: this machine had another name when it was made`,
    why: 'devices refuse to come by that name; the .local name and the addresses go on working',
    fix: 'use one of those; or snailpass tls renew --authority, which every device has to install',
  }
  const isLate = authority.notAfter - now < authorityLate
  const ofTime = {
    what: `the certificate authority expires on ${dateOf(authority.notAfter)}`,
    why: 'nothing that it has certified is valid from then on, and every device has to install the next one',
    fix: 'snailpass tls renew --authority, at a time when you can reach the devices',
  }
  const isEarly = now < authority.notBefore
  const ofClock = {
    what: `the certificate authority is not valid before ${dateOf(authority.notBefore)}`,
    why: 'devices refuse whatever it has certified: it was made while the clock was ahead, or the clock is behind now',
    fix: 'see that the clock is right; if it is, snailpass tls renew --authority, which every device has to install',
  }
  return [
    ...(unspoken.length > 0 ? [ofNames] : []),
    ...(isLate ? [ofTime] : []),
    ...(isEarly ? [ofClock] : []),
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
  const ofMachine =
    mode === 'local'
      ? [...namesOfMachine(settings), ...settings.tlsNames]
      : mode === 'acme'
        ? settings.acmeNames
        : []
  const permitted = ofMachine.filter(
    (name) => authority === null || isPermitted(name, authority.permits),
  )
  const needed = [...new Set([...(own === null ? [] : [own]), ...permitted])]
  const missing = needed.filter((name) => !isFor(name, certificate))
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
