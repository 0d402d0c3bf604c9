import { isIP } from 'node:net'
import { tlds } from '@hapi/tlds'
import { parseAddress } from '../../domain/address'
import {
  createNetworkMatcher,
  homeDomains,
  isWithin,
  parseHost,
  privateNetworks,
} from '../../domain/networks'

/** What an authority may speak for. A domain stands for itself and whatever ends in it (RFC 5280, section 4.2.1.10). */
export interface AuthorityConstraints {
  /** Domains, in lower case. */
  readonly domains: readonly string[]
  /** Networks in CIDR notation. */
  readonly networks: readonly string[]
}

const labelPattern = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** A name or an address in the one form in which names are compared; null for what is neither. IPv6 without brackets. */
export function parseName(text: string): string | null {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) !== 0) return parseAddress(bare)
  const name = parseHost(text)?.replace(/\.$/, '')
  // `1.2` is an address to a URL.
  if (name === undefined || isIP(name) !== 0) return null
  return name.length <= 253 && name.split('.').every((part) => labelPattern.test(part))
    ? name
    : null
}

/** The names by which a machine of this host name is reached in its network. */
export function namesOfHost(hostname: string): readonly string[] {
  const name = parseName(hostname)
  if (name === null || isIP(name) !== 0 || name === 'localhost') return ['localhost']
  const [short = name] = name.split('.')
  return [...new Set([name, short, `${short}.local`, 'localhost'])]
}

/**
 * What an authority of a machine may speak for: its own names, those asked for that nobody on the internet has, home domains and
 * private addresses. A host that is called like a top-level domain is known by its other names: its bare name would stand for
 * all of `.cloud`.
 */
export function constraintsFor(
  hostname: string,
  requested: readonly string[],
): AuthorityConstraints {
  const own = namesOfHost(hostname)
  const others = requested.filter((name) => isIP(name) === 0 && !name.includes('.'))
  const domains = [...own, ...others].filter(
    (name) => !tlds.has(name) && !isWithin(name, homeDomains),
  )
  return { domains: [...new Set([...domains, ...homeDomains])], networks: privateNetworks }
}

/** Whether an authority may speak for a name or address, as `parseName` writes it. */
export function isPermitted(name: string, { domains, networks }: AuthorityConstraints): boolean {
  return isIP(name) === 0 ? isWithin(name, domains) : createNetworkMatcher(networks)(name)
}

/** Names of a host that an authority can't speak for, since it was made under another one; top-level domains it never could. */
export function listUnpermittedNames(
  hostname: string,
  constraints: AuthorityConstraints,
): readonly string[] {
  return namesOfHost(hostname).filter((name) => !tlds.has(name) && !isPermitted(name, constraints))
}
