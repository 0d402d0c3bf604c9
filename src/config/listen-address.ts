/** Where a listener waits. */
export interface ListenAddress {
  /** A host name or an address; IPv6 without brackets. */
  readonly hostname: string
  /** 0 lets the system choose. */
  readonly port: number
}

const form = /^(?:\[(?<ipv6>[0-9A-Fa-f:.%a-z]+)\]|(?<host>[^\s:[\]/]+)):(?<port>\d{1,5})$/

/** Reads `host:port` or `[ipv6]:port`; null for anything else. */
export function parseListenAddress(text: string): ListenAddress | null {
  const groups = form.exec(text)?.groups
  const hostname = groups?.['ipv6'] ?? groups?.['host']
  const port = Number(groups?.['port'])
  if (hostname === undefined || port > 65_535) return null
  return { hostname, port }
}

/** The form that `parseListenAddress` reads. */
export function formatListenAddress({ hostname, port }: ListenAddress): string {
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`
}
