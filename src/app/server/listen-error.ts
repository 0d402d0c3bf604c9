import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import {
  formatListenAddress,
  type ListenAddress,
  type NetworkAddress,
} from '../../config/listen-address'
import { DomainError, errorMessage } from '../../domain/errors'
import { shellQuote } from '../../domain/text'
import { describeTakenPort, findPortOwner } from '../../files/port-owner'
import { readSystemFile } from '../../files/system-files'

/** What is wrong, behind "can't listen on ADDRESS: ", and what to do. */
interface Problem {
  readonly reason: string
  readonly hint: string
}

/** Returns the error for an address that the system refused to listen on. `flag` is what names another one. */
export async function listenError(
  address: ListenAddress,
  flag: string,
  cause: unknown,
): Promise<DomainError> {
  const { reason, hint } = ('port' in address ? await findProblem(address, cause, flag) : null) ?? {
    reason: errorMessage(cause),
    hint: `check that it is an address of this machine, or use another one with ${flag}`,
  }
  const message = `can't listen on ${formatListenAddress(address)}: ${reason}`
  return new DomainError('unavailable', message, { hint, cause })
}

/** Returns null for an error that explains itself. */
async function findProblem(
  address: NetworkAddress,
  cause: unknown,
  flag: string,
): Promise<Problem | null> {
  const { hostname, port } = address
  // For a name without an address, Bun reports the error of an earlier system call.
  if (isIP(hostname.replace(/%.*/, '')) === 0 && !(await isKnownName(hostname))) {
    return {
      reason: `${hostname} has no address`,
      hint: `use an address of this machine with ${flag}, or a port alone for all of them`,
    }
  }
  switch (codeOf(cause)) {
    case 'EADDRINUSE':
      return inUseProblem(address, flag)
    case 'EACCES':
      return lowPortProblem(port, flag)
    case 'EAFNOSUPPORT':
      return {
        reason: 'this machine has no IPv6',
        hint: `use an IPv4 address such as 0.0.0.0:${port} with ${flag}`,
      }
    default:
      return null
  }
}

/** Returns whether an error says that the system has no IPv6 at all. */
export function isMissingIpv6(address: ListenAddress, cause: unknown): boolean {
  const isIpv6 = 'port' in address && address.hostname.includes(':')
  return isIpv6 && ['EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(cause))
}

function inUseProblem({ hostname, port }: NetworkAddress, flag: string): Problem {
  const owner = findPortOwner(hostname, port)
  if (owner?.pid === process.pid) {
    return {
      reason: describeTakenPort(port, null),
      hint: `another listener of this server has it, and 0.0.0.0 has that of every IPv4 address: use another port with ${flag}`,
    }
  }
  return {
    reason: describeTakenPort(port, owner),
    hint: `stop the program that uses it, or use another port with ${flag}`,
  }
}

function lowPortProblem(port: number, flag: string): Problem | null {
  const path = '/proc/sys/net/ipv4/ip_unprivileged_port_start'
  const first = Number(readSystemFile(path)?.trim() || 1024)
  if (port >= first) return null
  const range = `with ${flag} use a port from ${first} on`
  if (process.platform !== 'linux') {
    return { reason: `ports below ${first} are reserved for root`, hint: range }
  }
  const program = shellQuote(process.execPath)
  return {
    reason: `ports below ${first} need the capability CAP_NET_BIND_SERVICE`,
    hint: `${range}, or grant it: the service of \`snailpass service install\` has it; another one gets it by AmbientCapabilities=CAP_NET_BIND_SERVICE in its unit, a program by \`sudo setcap cap_net_bind_service=+ep ${program}\``,
  }
}

async function isKnownName(name: string): Promise<boolean> {
  return await lookup(name).then(
    () => true,
    () => false,
  )
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
