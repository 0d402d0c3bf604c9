/**
 * Returns an IP address in its one canonical form, as it is counted and logged: IPv6 in lower case and shortest form, without
 * brackets and zone; an IPv4 address mapped into IPv6 as IPv4. Returns null for any other text.
 */
export function parseAddress(text: string): string | null {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) {
    return text.split('.').every((part) => Number(part) <= 255 && !/^0\d/.test(part)) ? text : null
  }
  // A zone names a network interface of the machine that saw the address. It means nothing elsewhere.
  const unzoned = text.replace(/%.*$/, '')
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(unzoned)) return null
  const url = `http://[${unzoned}]/`
  // URL parsing writes IPv6 in its shortest form, in lower case.
  return URL.canParse(url) ? unmapIpv4(new URL(url).hostname.slice(1, -1)) : null
}

/** Returns IPv4 for an IPv4-mapped (RFC 4291, section 2.5.5.2) or translated (RFC 6052, section 2.1) IPv6 address. */
function unmapIpv4(address: string): string {
  const [, mapped, translated] =
    /^(?:::ffff:([0-9a-f]+:[0-9a-f]+)|64:ff9b::((?:[0-9a-f]+:)?[0-9a-f]+))$/.exec(address) ?? []
  const groups = mapped ?? translated
  if (groups === undefined) return address
  const parts = `0:${groups}`
    .split(':')
    .slice(-2)
    .map((group) => Number.parseInt(group, 16))
  return parts.flatMap((part) => [part >> 8, part & 255]).join('.')
}

/**
 * Returns the network that an address (in canonical form) is counted under: an IPv4 address itself, and the /64 of an IPv6
 * address, because a household gets at least a /64 and can use any address in it. Unknown addresses (null) count as one.
 */
export function networkOf(address: string | null): string {
  if (address === null) return '-'
  return isIpv6(address) ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address
}

/**
 * Returns the block of networks that one party may well have all of: the /48 of an IPv6 address, which tunnel brokers give away
 * for nothing and which has 65,536 networks (RFC 6177), and the /24 of an IPv4 address.
 */
export function blockOf(address: string | null): string {
  if (address === null) return '-'
  if (isIpv6(address)) return `${groupsOf(address).slice(0, 3).join(':')}::/48`
  return address.replace(/\d+$/, '0/24')
}

/** Returns whether an address (in canonical form) is of IPv6. */
export function isIpv6(address: string | null): boolean {
  return address?.includes(':') === true
}

/** Returns the eight groups of an IPv6 address. */
function groupsOf(address: string): string[] {
  const [head = '', tail = ''] = address.split('::')
  const [before, after] = [splitGroups(head), splitGroups(tail)]
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after]
}

function splitGroups(text: string): string[] {
  return text === '' ? [] : text.split(':')
}
