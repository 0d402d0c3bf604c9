import { type Random, randomFraction } from '../../domain/runtime'
import type { CertificateInfo } from '../certificate-info'
import type { AcmeFault } from './fault'

const minute = 60_000
const hour = 60 * minute

/**
 * When a certificate is to be renewed: when a third of its life is left, or up to a thirtieth sooner, so that servers that
 * were set up together do not come together. Milliseconds since 1970 (UTC).
 */
export function renewalTime(
  { notBefore, notAfter }: Pick<CertificateInfo, 'notBefore' | 'notAfter'>,
  random: Random,
): number {
  const life = notAfter - notBefore
  return notAfter - life / 3 - (randomFraction(random) * life) / 30
}

/**
 * The pause after an attempt that failed, in milliseconds; it doubles with each further failure. An authority that refuses
 * allows few: Let's Encrypt's bound is five failed challenges an hour for a name. What it asks for counts where it is longer.
 */
export function acmeRetryDelay(fault: AcmeFault | null, failures: number, random: Random): number {
  const isRefusal = fault !== null && fault.type !== null
  const [first, max] = isRefusal ? [15 * minute, 12 * hour] : [minute, hour]
  const grown = Math.min(first * 2 ** Math.min(failures, 20), max)
  return Math.max(grown, fault?.retryAfter ?? 0) * (1 + randomFraction(random) / 4)
}
