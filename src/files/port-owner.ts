/** Finds the program behind a port, as `ss -ltnp` does: Linux names the socket of each listener, and whose descriptor it is. */
import { readdirSync, readlinkSync } from 'node:fs'
import { isIP } from 'node:net'
import { sanitizeLine } from '../domain/text'
import { ifReadable } from './data-folder'
import { type ReadSystemFile, readSystemFile } from './system-files'

export interface PortOwner {
  readonly pid: number
  /** The name of its program, on one line. */
  readonly name: string
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
  const sockets = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) =>
      parseListeners(read(path) ?? '')
        .filter((found) => found.port === port && overlap(found.host, hostname))
        .map(({ inode }) => `socket:[${inode}]`),
    ),
  )
  if (sockets.size === 0) return null
  for (const entry of ifReadable(() => readdirSync('/proc'), [])) {
    if (!/^\d+$/.test(entry) || !hasSocket(entry, sockets)) continue
    const name = sanitizeLine(read(`/proc/${entry}/comm`) ?? '').trim()
    return { pid: Number(entry), name: name || 'another program' }
  }
  return null
}

function parseListeners(table: string): readonly { host: string; port: number; inode: string }[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    const [host = '', port = ''] = local.split(':')
    return state === listening ? [{ host, port: Number.parseInt(port, 16), inode }] : []
  })
}

/** Returns whether a listener at `host`, as the kernel prints it, takes an address. Names and IPv6 are taken to be covered. */
function overlap(host: string, hostname: string): boolean {
  const isAll = (text: string) => /^(?:0+|[0.]+|::)$/.test(text)
  if (isAll(host) || isAll(hostname) || isIP(hostname) !== 4 || host.length !== 8) return true
  // The four bytes are in the order of the machine, which is little-endian on all that we build for.
  const bytes = host.match(/../g) ?? []
  return (
    hostname ===
    bytes
      .map((byte) => Number.parseInt(byte, 16))
      .reverse()
      .join('.')
  )
}

function hasSocket(pid: string, sockets: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`
  return ifReadable(() => readdirSync(folder), []).some((descriptor) =>
    // It may be closed meanwhile.
    ifReadable(() => sockets.has(readlinkSync(`${folder}/${descriptor}`)), false),
  )
}
