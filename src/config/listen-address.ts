import type { ListenerAddress } from '../http/listener'

/** Where a listener waits. A hostname is a name or an IP address, IPv6 without brackets; port 0 means any free port. */
export type ListenAddress = ListenerAddress

/** A `ListenAddress` that is not a Unix socket. */
export type NetworkAddress = Extract<ListenAddress, { readonly port: number }>

/** The address and protocol of a listener. */
export interface Endpoint {
  readonly address: ListenAddress
  readonly isTls: boolean
}

const addressPattern = /^(?:\[(?<ipv6>[0-9A-Fa-f:.%a-z]+)\]|(?<host>[^\s:[\]/]+)):(?<port>\d{1,5})$/

/** Parses `host:port`, `[ipv6]:port` or `unix:/path`. Returns null for any other text. */
export function parseListenAddress(text: string): ListenAddress | null {
  const path = /^unix:(?<path>\/.*[^/])$/.exec(text)?.groups?.['path']
  return path === undefined ? parseNetworkAddress(text) : { path }
}

/** Parses `host:port` or `[ipv6]:port`. Returns null for any other text. */
export function parseNetworkAddress(text: string): NetworkAddress | null {
  const groups = addressPattern.exec(text)?.groups
  const hostname = groups?.['ipv6'] ?? groups?.['host']
  const port = Number(groups?.['port'])
  if (hostname === undefined || port > 65_535) return null
  return { hostname: canonicalizeHostname(hostname), port }
}

/** Returns the shortest form of an IPv6 address, so that `[::0]` means all addresses, as `[::]` does. */
function canonicalizeHostname(hostname: string): string {
  const url = `http://[${hostname}]/`
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : hostname
}

/** Returns an address in the form of `parseListenAddress`. */
export function formatListenAddress(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`
  const { hostname, port } = address
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`
}

/** Returns the address to connect to from this machine: the loopback address, if the listener waits at all addresses. */
export function connectAddressOf({ hostname, port }: NetworkAddress): NetworkAddress {
  return { hostname: { '0.0.0.0': '127.0.0.1', '::': '::1' }[hostname] ?? hostname, port }
}
