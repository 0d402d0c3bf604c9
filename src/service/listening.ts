import { createServer } from 'node:net'
import { formatListenAddress, type ListenAddress } from '../config/listen-address'
import { DomainError, reasonOf } from '../domain/errors'
import type { Wait } from '../domain/world'
import { lastLogLines, type ServiceState, serviceState, startService } from './systemd'

/** How often it is asked whether the server is ready, in milliseconds. */
const pause = 200
/** Beginnings of a service that ends at once, after which no more are waited for. */
const mostRestarts = 3

/** Throws `conflict` when somebody else listens there: the answers that were taken for ours could be theirs. */
export function requireFree(address: ListenAddress): Promise<void> {
  const listener = createServer()
  return new Promise((resolve, reject) => {
    listener.once('error', (cause) => {
      const name = formatListenAddress(address)
      reject(
        new DomainError('conflict', `can't listen on ${name}: ${reasonOf(cause)}`, {
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

/** Whether the server at the address of its settings is ready for requests. */
export async function isReady({ hostname, port }: ListenAddress): Promise<boolean> {
  const own = { '0.0.0.0': '127.0.0.1', '::': '::1' }[hostname] ?? hostname
  try {
    const url = `http://${formatListenAddress({ hostname: own, port })}/readyz`
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false
  }
}

/**
 * Starts the service and returns once it is ready. Throws `unavailable`, with the last lines of its log, when it ends
 * again and again or takes longer than `patience` milliseconds.
 */
export async function startUntilReady(
  address: ListenAddress,
  patience: number,
  wait: Wait,
): Promise<void> {
  await startService()
  for (let waited = 0; waited <= patience; waited += pause) {
    const state = await serviceState()
    if (state.active === 'active' && (await isReady(address))) return
    if (hasGivenUp(state)) break
    await wait(pause)
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

function hasGivenUp({ active, restarts }: ServiceState): boolean {
  return active === 'failed' || active === 'inactive' || restarts >= mostRestarts
}
