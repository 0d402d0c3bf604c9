/** Where a listener waits: an address and a port of the network, or a Unix socket. */
export type ListenAddress = NetworkAddress | UnixSocket

export interface NetworkAddress {
  /** A host name or an address; IPv6 without brackets. */
  readonly hostname: string
  /** 0 lets the system choose. */
  readonly port: number
}

export interface UnixSocket {
  /** Absolute path. */
  readonly path: string
}

/** A listener as others must know it: how it is spoken to, and where. */
export interface Endpoint {
  readonly address: ListenAddress
  readonly isTls: boolean
}

const addressPattern = /^(?:\[(?<ipv6>[0-9A-Fa-f:.%a-z]+)\]|(?<host>[^\s:[\]/]+)):(?<port>\d{1,5})$/

/** Reads `host:port`, `[ipv6]:port` or `unix:/path`; null for anything else. */
export function parseListenAddress(text: string): ListenAddress | null {
  const path = /^unix:(?<path>\/.*[^/])$/.exec(text)?.groups?.['path']
  return path === undefined ? parseNetworkAddress(text) : { path }
}

/** Reads `host:port` or `[ipv6]:port`; null for anything else. */
export function parseNetworkAddress(text: string): NetworkAddress | null {
  const groups = addressPattern.exec(text)?.groups
  const hostname = groups?.['ipv6'] ?? groups?.['host']
  const port = Number(groups?.['port'])
  if (hostname === undefined || port > 65_535) return null
  return { hostname: canonicalizeHostname(hostname), port }
}

/** One spelling for each IPv6 address, so that `[::0]` stands for all of them as `[::]` does. */
function canonicalizeHostname(hostname: string): string {
  const url = `http://[${hostname}]/`
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : hostname
}

/** The form that `parseListenAddress` reads. */
export function formatListenAddress(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`
  const { hostname, port } = address
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`
}

/** An address of this machine that reaches a listener there: one that stands for all of them is none to connect to. */
export function connectAddressOf({ hostname, port }: NetworkAddress): NetworkAddress {
  return { hostname: { '0.0.0.0': '127.0.0.1', '::': '::1' }[hostname] ?? hostname, port }
}
