import { endpointsOf } from '../../config/listeners'
import type { Settings } from '../../config/settings'
import { isPublicHost } from '../../domain/networks'
import type { Outcome } from './findings'

/** Checks whether anyone on the internet can create an account. `addresses` are those of this machine. */
export function checkExposure(settings: Settings, addresses: readonly string[]): Outcome {
  const { signUps, signUpDomains, publicUrl } = settings
  const isOpen = signUps === 'open' && signUpDomains.length === 0
  const listening = endpointsOf(settings).flatMap(({ address }) => {
    if ('path' in address) return []
    return ['0.0.0.0', '::'].includes(address.hostname) ? addresses : [address.hostname]
  })
  const publicHost = [...(publicUrl === null ? [] : [publicUrl.hostname]), ...listening]
    .map((host) => host.replaceAll(/[[\]]/g, ''))
    .find(isPublicHost)
  const policy = isOpen ? 'sign-up is open to everyone' : `sign-up is ${signUps}`
  if (publicHost === undefined) return { fact: `${policy}, from private networks only` }
  const fact = `${policy}, and the server is reachable as ${publicHost}`
  if (!isOpen) return { fact }
  return {
    fact,
    findings: [
      {
        what: `anyone on the internet can create an account: the server is reachable as ${publicHost}`,
        why: 'strangers can fill the disk and use your server for themselves',
        fix: 'set SNAILPASS_SIGNUPS=invited, restart the server, and invite people with `snailpass user invite EMAIL`',
      },
    ],
  }
}
