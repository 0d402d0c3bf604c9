/** An address of the network as it is counted and written down: one text for each. IPv6 without brackets and zone. */
export function parseAddress(text: string): string | null {
  const mapped = /^::ffff:(?<ipv4>\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.groups?.['ipv4']
  const bare = mapped ?? text
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(bare)) {
    return bare.split('.').every((part) => Number(part) <= 255 && !/^0\d/.test(part)) ? bare : null
  }
  // A zone names an interface of the machine that saw it, and nobody else's.
  const unzoned = bare.replace(/%.*$/, '')
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(unzoned)) return null
  const url = `http://[${unzoned}]/`
  // As a URL writes it: the shortest form, in lower case.
  return URL.canParse(url) ? translated(new URL(url).hostname.slice(1, -1)) : null
}

/** IPv4 behind a translator (RFC 6052, section 2.1) is still that. */
function translated(address: string): string {
  const { high, low } =
    /^64:ff9b::(?:(?<high>[0-9a-f]{1,4}):)?(?<low>[0-9a-f]{1,4})$/.exec(address)?.groups ?? {}
  if (low === undefined) return address
  const parts = [high ?? '0', low].map((group) => Number.parseInt(group, 16))
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
