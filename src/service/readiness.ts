import { createServer } from 'node:net'
import {
  connectAddressOf,
  type Endpoint,
  formatListenAddress,
  type NetworkAddress,
} from '../config/listen-address'
import { DomainError, errorMessage } from '../domain/errors'
import type { Wait } from '../domain/runtime'
import { lastLogLines, type ServiceState, serviceState, startService } from './systemd'

/** How often it is asked whether the server is ready, in milliseconds. */
const pollInterval = 200
/** Beginnings of a service that ends at once, after which no more are waited for. */
const maxRestarts = 3

/** Throws `conflict` when somebody else listens there: the answers that were taken for ours could be theirs. */
export async function requireFreePorts(endpoints: readonly Endpoint[]): Promise<void> {
  for (const { address } of endpoints) if (!('path' in address)) await requireFreePort(address)
}

function requireFreePort(address: NetworkAddress): Promise<void> {
  const listener = createServer()
  return new Promise((resolve, reject) => {
    listener.once('error', (cause) => {
      const name = formatListenAddress(address)
      reject(
        new DomainError('conflict', `can't listen on ${name}: ${errorMessage(cause)}`, {
          hint: 'stop what listens there, or choose another address with SNAILPASS_LISTEN in the settings file',
          cause,
        }),
      )
    })
    listener.listen({ host: address.hostname, port: address.port, exclusive: true }, () =>
      listener.close(() => resolve()),
    )
  })
}

/** Whether a listener takes a free port, which nobody could ask. */
export function hasEphemeralPort({ address }: Endpoint): boolean {
  return 'port' in address && address.port === 0
}

/** Whether the server with these listeners is ready for requests: any of them tells of all. */
export async function isReady([endpoint]: readonly Endpoint[]): Promise<boolean> {
  if (endpoint === undefined) return false
  const { address, isTls } = endpoint
  const host = 'path' in address ? 'localhost' : formatListenAddress(connectAddressOf(address))
  try {
    const answer = await fetch(`${isTls ? 'https' : 'http'}://${host}/readyz`, {
      signal: AbortSignal.timeout(2_000),
      // It is asked by an address that its certificate need not have, and told nothing.
      tls: { rejectUnauthorized: false },
      ...('path' in address && { unix: address.path }),
    })
    return answer.ok
  } catch {
    return false
  }
}

/**
 * Starts the service and returns once it is ready. Throws `unavailable`, with the last lines of its log, when it ends
 * again and again or takes longer than `patience` milliseconds.
 */
export async function startAndWaitUntilReady(
  endpoints: readonly Endpoint[],
  timeout: number,
  wait: Wait,
): Promise<void> {
  await startService()
  for (let waited = 0; waited <= timeout; waited += pollInterval) {
    const state = await serviceState()
    if (state.activeState === 'active' && (await isReady(endpoints))) return
    if (hasGivenUp(state)) break
    await wait(pollInterval)
  }
  const lines = await lastLogLines()
  throw new DomainError(
    'unavailable',
    ['the service does not become ready', ...lines.split('\n').map((line) => `  ${line}`)].join(
      '\n',
    ),
    { hint: 'see the whole log with `journalctl -u snailpass`' },
  )
}

function hasGivenUp({ activeState, restarts }: ServiceState): boolean {
  return activeState === 'failed' || activeState === 'inactive' || restarts >= maxRestarts
}
