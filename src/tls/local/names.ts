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

/** The names that a CA may issue certificates for. A domain includes all its subdomains (RFC 5280, section 4.2.1.10). */
export interface AuthorityConstraints {
  /** Domains, in lower case. */
  readonly domains: readonly string[]
  /** Networks in CIDR notation. */
  readonly networks: readonly string[]
}

/** Returns a host name or IP address in the form in which names are compared, IPv6 without brackets; null for other texts. */
export function parseName(text: string): string | null {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) !== 0) return parseAddress(bare)
  const name = parseHost(text)?.replace(/\.$/, '')
  // URLs read `1.2` as an IP address.
  return name === undefined || isIP(name) !== 0 ? null : name
}

/** Returns the names by which a machine with this host name is reached in its network. */
export function namesOfHost(hostname: string): readonly string[] {
  const name = parseName(hostname)
  if (name === null || isIP(name) !== 0 || name === 'localhost') return ['localhost']
  const [short = name] = name.split('.')
  return [...new Set([name, short, `${short}.local`, 'localhost'])]
}

/**
 * Returns the constraints of a machine's CA: its own names, requested names without a dot, home domains and private networks.
 * A name that is also a top-level domain is left out: for a host called `cloud` it would permit all of `.cloud`.
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

/** Whether a CA may issue certificates for a name or IP address, which is in the form of `parseName`. */
export function isPermitted(name: string, { domains, networks }: AuthorityConstraints): boolean {
  return isIP(name) === 0 ? isWithin(name, domains) : createNetworkMatcher(networks)(name)
}

/**
 * Returns the names of a host that its CA may not issue certificates for, because the host had another name when the CA was
 * created. Top-level domains, which no CA of ours permits, are left out.
 */
export function listUnpermittedNames(
  hostname: string,
  constraints: AuthorityConstraints,
): readonly string[] {
  return namesOfHost(hostname).filter((name) => !tlds.has(name) && !isPermitted(name, constraints))
}
