import { endpointsOf } from '../../config/listeners'
import type { Settings } from '../../config/settings'
import { isPublicHost } from '../../domain/networks'
import type { Outcome } from './findings'

/** Whether strangers of the whole internet can make accounts. `addresses` are this machine's. */
export function checkExposure(settings: Settings, addresses: readonly string[]): Outcome {
  const { signUps, signUpDomains, publicUrl } = settings
  const isOpen = signUps === 'open' && signUpDomains.length === 0
  const listening = endpointsOf(settings).flatMap(({ address }) => {
    if ('path' in address) return []
    return ['0.0.0.0', '::'].includes(address.hostname) ? addresses : [address.hostname]
  })
  const found = [
    ...(publicUrl === null ? [] : [publicUrl.hostname.replaceAll(/[[\]]/g, '')]),
    ...listening.map((address) => address.replaceAll(/[[\]]/g, '')),
  ].find(isPublicHost)
  const policy = isOpen ? 'everybody may sign up' : `sign-up is ${signUps}`
  if (found === undefined) return { fact: `${policy}, from private networks alone` }
  if (!isOpen) return { fact: `${policy}, and the server is reached as ${found}` }
  return {
    fact: `${policy}, and the server is reached as ${found}`,
    findings: [
      {
        what: `everybody on the internet may make an account here: the server is reached as ${found}`,
        why: 'strangers can fill the disk and use your server for themselves',
        fix: 'set SNAILPASS_SIGNUPS=invited and restart the server; `snailpass user invite EMAIL` lets somebody in',
      },
    ],
  }
}
