/** An address of the network as it is counted and written down: one text for each. IPv6 without brackets and zone. */
export function parseAddress(text: string): string | null {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) {
    return text.split('.').every((part) => Number(part) <= 255 && !/^0\d/.test(part)) ? text : null
  }
  // A zone names an interface of the machine that saw it, and nobody else's.
  const unzoned = text.replace(/%.*$/, '')
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(unzoned)) return null
  const url = `http://[${unzoned}]/`
  // As a URL writes it: the shortest form, in lower case.
  return URL.canParse(url) ? unmapIpv4(new URL(url).hostname.slice(1, -1)) : null
}

/** IPv4 on a socket of IPv6 (RFC 4291, section 2.5.5.2) or behind a translator (RFC 6052, section 2.1) is still that. */
function unmapIpv4(address: string): string {
  const [, mapped, behind] =
    /^(?:::ffff:([0-9a-f]{1,4}:[0-9a-f]{1,4})|64:ff9b::((?:[0-9a-f]{1,4}:)?[0-9a-f]{1,4}))$/.exec(
      address,
    ) ?? []
  const groups = mapped ?? behind
  if (groups === undefined) return address
  const parts = `0:${groups}`
    .split(':')
    .slice(-2)
    .map((group) => Number.parseInt(group, 16))
  return parts.flatMap((part) => [part >> 8, part & 255]).join('.')
}

/**
 * Whose an address is, as far as can be told: an IPv4 address is one household's, and of IPv6 a household has a /64 at
 * least, any address of which it can take for each request. Those of whom nobody can tell are one.
 */
export function networkOf(address: string | null): string {
  if (address === null) return '-'
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length
  const all = [...groups, ...Array<string>(Math.max(0, zeros)).fill('0'), ...after]
  return `${all.slice(0, 4).join(':')}::/64`
}
