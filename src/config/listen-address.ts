import { isIP } from 'node:net'
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

/** All addresses of this machine, by each family: a listener on `::` alone depends on the system for IPv4. */
const allHosts = ['0.0.0.0', '::'] as const

/** Returns the addresses that stand for a port on all addresses of this machine. */
export function allAddressesAt(port: number): readonly NetworkAddress[] {
  return allHosts.map((hostname) => ({ hostname, port }))
}

/** Parses `port`, `:port` or `*:port`, which mean all addresses of this machine. Returns null for any other text. */
export function parsePort(text: string): readonly NetworkAddress[] | null {
  const port = /^(?:\*?:)?(?<port>\d{1,5})$/.exec(text)?.groups?.['port']
  return port === undefined || Number(port) > 65_535 ? null : allAddressesAt(Number(port))
}

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

/**
 * Returns whether a listener must leave IPv4 alone: it is on all IPv6 addresses, where systems accept IPv4 too, and another
 * one of `all` has an IPv4 address with its port.
 */
export function isIpv6Only(address: ListenAddress, all: readonly ListenAddress[]): boolean {
  return isAllIpv6(address) && all.some((other) => isIpv4(other) && other.port === address.port)
}

/** Returns whether a listener is the IPv6 half of all addresses, so that a machine without IPv6 needs none. */
export function isIpv6Half(address: ListenAddress, all: readonly ListenAddress[]): boolean {
  return (
    isAllIpv6(address) &&
    all.some(
      (other) => isIpv4(other) && other.hostname === '0.0.0.0' && other.port === address.port,
    )
  )
}

function isAllIpv6(address: ListenAddress): address is NetworkAddress {
  return 'port' in address && address.hostname === '::'
}

function isIpv4(address: ListenAddress): address is NetworkAddress {
  return 'port' in address && isIP(address.hostname) === 4
}

/** Returns the address to connect to from this machine: the loopback address, if the listener waits at all addresses. */
export function connectAddressOf({ hostname, port }: NetworkAddress): NetworkAddress {
  return { hostname: { '0.0.0.0': '127.0.0.1', '::': '::1' }[hostname] ?? hostname, port }
}
