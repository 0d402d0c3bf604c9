import { isIP } from 'node:net'
import { endpointsOf } from '../../config/listeners'
import type { Settings } from '../../config/settings'
import { isPrivate, isPublicHost } from '../../domain/networks'
import { createPlainHttpPolicy } from '../plain-http'
import type { Outcome } from './findings'

/** Checks whether anyone on the internet can create an account. `addresses` are those of this machine. */
export function checkExposure(settings: Settings, addresses: readonly string[]): Outcome {
  const { signUps, signUpDomains, publicUrl } = settings
  const isOpen = signUps === 'open' && signUpDomains.length === 0
  const publicHost = [
    ...(publicUrl === null ? [] : [withoutBrackets(publicUrl.hostname)]),
    ...listSignUpHosts(settings, addresses),
  ].find(isPublicHost)
  const policy = isOpen ? 'sign-up is open to everyone' : `sign-up is ${signUps}`
  const note = describePlainIpv6(settings, addresses)
  if (publicHost === undefined) return { fact: `${policy}, from private networks only${note}` }
  const fact = `${policy}, and the server is reachable as ${publicHost}${note}`
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

/** Returns the hosts at which the server accepts sign-ups of strangers: not those where it requires HTTPS from them, over plain HTTP. */
function listSignUpHosts(settings: Settings, addresses: readonly string[]): readonly string[] {
  const mayUsePlain = createPlainHttpPolicy(settings, isPrivate)
  return endpointsOf(settings).flatMap(({ address, isTls }) => {
    if ('path' in address) return []
    const hosts = listReachedHosts(address.hostname, addresses)
    // A stranger has an address of the same family as the one that is reached.
    return isTls ? hosts : hosts.filter((host) => isIP(host) === 0 || mayUsePlain(host))
  })
}

/** Returns the hosts of a listener. One on `::` accepts IPv4 too, unless another listener does. */
function listReachedHosts(hostname: string, addresses: readonly string[]): readonly string[] {
  if (hostname !== '0.0.0.0' && hostname !== '::') return [hostname]
  const hosts = addresses.map(withoutBrackets)
  return hostname === '::' ? hosts : hosts.filter((host) => !host.includes(':'))
}

/** Tells that the default listener refuses plain HTTP from strangers with IPv6, where this machine has a public address. */
function describePlainIpv6(settings: Settings, addresses: readonly string[]): string {
  const isPublicIpv6 = (host: string) => host.includes(':') && isPublicHost(host)
  const address = addresses.map(withoutBrackets).find(isPublicIpv6)
  const isRefused =
    settings.isListenDefault && settings.plainLogins !== 'all' && address !== undefined
  if (!isRefused) return ''
  const state = settings.listenTls.length === 0 ? ', which is off' : ''
  return `; other networks have to use HTTPS over IPv6${state}`
}

function withoutBrackets(host: string): string {
  return host.replaceAll(/[[\]]/g, '')
}
