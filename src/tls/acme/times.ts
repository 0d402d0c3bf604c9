import { type Random, randomFraction } from '../../domain/runtime'
import type { CertificateInfo } from '../certificate-info'
import type { AcmeFault } from './fault'

const minute = 60_000
const hour = 60 * minute

/**
 * Returns when to renew a certificate, in milliseconds since 1970 (UTC): when a third of its lifetime is left, or up to a
 * thirtieth earlier, so that servers that were set up at the same time don't renew at the same time.
 */
export function renewalTime(
  { notBefore, notAfter }: Pick<CertificateInfo, 'notBefore' | 'notAfter'>,
  random: Random,
): number {
  const life = notAfter - notBefore
  return notAfter - life / 3 - (randomFraction(random) * life) / 30
}

/**
 * Returns the delay in milliseconds after an attempt that failed. It doubles with each further failure, and is never shorter
 * than the CA asks for. Rejections get a longer delay than outages, since a CA allows few of them: Let's Encrypt allows five
 * failed challenges an hour for a name.
 */
export function acmeRetryDelay(fault: AcmeFault | null, failures: number, random: Random): number {
  const isRefusal = fault !== null && fault.type !== null
  const [first, max] = isRefusal ? [15 * minute, 12 * hour] : [minute, hour]
  const grown = Math.min(first * 2 ** Math.min(failures, 20), max)
  return Math.max(grown, fault?.retryAfter ?? 0) * (1 + randomFraction(random) / 4)
}
