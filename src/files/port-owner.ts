/** Finds the program behind a port, as `ss -ltnp` does: Linux names the socket of each listener, and whose descriptor it is. */
import { readdirSync, readlinkSync } from 'node:fs'
import { isIpv6, parseAddress } from '../domain/address'
import { sanitizeLine } from '../domain/text'
import { ifReadable } from './data-folder'
import { type ReadSystemFile, readSystemFile } from './system-files'

export interface PortOwner {
  readonly pid: number
  /** The name of its program, on one line. */
  readonly name: string
}

/** Returns what is wrong with a port that another program has, and which one if that is known. */
export function describeTakenPort(port: number, owner: PortOwner | null): string {
  const by = owner === null ? '' : ` by ${owner.name} (process ${owner.pid})`
  return `port ${port} is already in use${by}`
}

/** The state of a listener in `/proc/net/tcp` (proc_net_tcp(5)). */
const listening = '0A'

/**
 * Returns the process that listens at a TCP port, where `hostname` is an address that is taken or covered by it. Null if the
 * system does not tell: only root sees the descriptors of other users, and only Linux lists them.
 */
export function findPortOwner(
  hostname: string,
  port: number,
  read: ReadSystemFile = readSystemFile,
): PortOwner | null {
  const listeners = ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((path) => parseListeners(read(path) ?? ''))
    .filter((found) => found.port === port)
  const pid =
    findProcess(listeners.filter(({ host }) => isTakenBy(hostname, host))) ??
    findProcess(listeners.filter(({ host }) => isCoveredBy(hostname, host)))
  if (pid === null) return null
  const name = sanitizeLine(read(`/proc/${pid}/comm`) ?? '').trim()
  return { pid, name: name || 'another program' }
}

interface SystemListener {
  /** In canonical form. */
  readonly host: string
  readonly port: number
  readonly inode: string
}

function parseListeners(table: string): readonly SystemListener[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    const [host = '', port = ''] = local.split(':')
    return state === listening
      ? [{ host: decodeHost(host), port: Number.parseInt(port, 16), inode }]
      : []
  })
}

/** Decodes an address of the kernel: groups of four bytes in the order of the machine, little-endian on all that we build for. */
function decodeHost(text: string): string {
  const bytes = (text.match(/.{8}/g) ?? []).flatMap((group) => (group.match(/../g) ?? []).reverse())
  const ipv4 = bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
  const ipv6 = bytes.join('').replaceAll(/.{4}(?!$)/g, '$&:')
  return parseAddress(bytes.length === 4 ? ipv4 : ipv6) ?? text
}

const isAll = (host: string) => host === '0.0.0.0' || host === '::'

/** Returns whether a listener at `host` certainly takes an address: the same one, or either of them is all of its family. */
function isTakenBy(hostname: string, host: string): boolean {
  const address = parseAddress(hostname)
  if (address === null || isIpv6(address) !== isIpv6(host)) return false
  return address === host || isAll(address) || isAll(host)
}

/** Returns whether a listener at `host` may take an address: a name has any, and all of IPv6 often covers IPv4. */
function isCoveredBy(hostname: string, host: string): boolean {
  const address = parseAddress(hostname)
  return address === null || (isIpv6(address) !== isIpv6(host) && [address, host].includes('::'))
}

/** Returns a process that has one of the sockets open; another one than this, if there is any. */
function findProcess(listeners: readonly SystemListener[]): number | null {
  const sockets = new Set(listeners.map(({ inode }) => `socket:[${inode}]`))
  if (sockets.size === 0) return null
  let own: number | null = null
  for (const entry of ifReadable(() => readdirSync('/proc'), [])) {
    if (!/^\d+$/.test(entry) || !hasSocket(entry, sockets)) continue
    if (Number(entry) !== process.pid) return Number(entry)
    own = process.pid
  }
  return own
}

function hasSocket(pid: string, sockets: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`
  return ifReadable(() => readdirSync(folder), []).some((descriptor) =>
    // It may be closed meanwhile.
    ifReadable(() => sockets.has(readlinkSync(`${folder}/${descriptor}`)), false),
  )
}
