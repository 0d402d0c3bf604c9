import { createServer } from 'node:net'
import { type Endpoint, formatListenAddress, type NetworkAddress } from '../config/listen-address'
import { DomainError, errorMessage } from '../domain/errors'
import { pollUntil, type Wait } from '../domain/runtime'
import { describeTakenPort, findPortOwner } from '../files/port-owner'
import {
  isStarted,
  lastLogLines,
  listReportedErrors,
  type ServiceState,
  serviceState,
  startService,
} from './systemd'

/**
 * Asks the server at an endpoint whether it is ready. Returns null if it is, else what is wrong. Never rejects, and
 * never uses the proxies that the environment names: a proxy can't reach this machine's own server.
 */
export type ReadinessCheck = (endpoint: Endpoint) => Promise<string | null>

export interface ReadinessOptions {
  readonly checkReadiness: ReadinessCheck
  /** Milliseconds that a server may take until it is ready. */
  readonly readyTimeout: number
  readonly wait: Wait
}

/** Milliseconds between two checks whether the server is ready. */
const pollInterval = 200
/** A service that systemd has restarted this often has failed. */
const maxRestarts = 3

/** Throws `conflict` if another program listens at one of the endpoints: its answers could pass for the server's. */
export async function requireFreePorts(endpoints: readonly Endpoint[]): Promise<void> {
  for (const { address } of endpoints) if (!('path' in address)) await requireFreePort(address)
}

function requireFreePort(address: NetworkAddress): Promise<void> {
  const listener = createServer()
  return new Promise((resolve, reject) => {
    listener.once('error', (cause) => {
      const { hostname, port } = address
      const reason =
        'code' in cause && cause.code === 'EADDRINUSE'
          ? describeTakenPort(port, findPortOwner(hostname, port))
          : errorMessage(cause)
      reject(
        new DomainError('conflict', `can't listen on ${formatListenAddress(address)}: ${reason}`, {
          hint: 'stop the program that uses the port, or set another address with SNAILPASS_LISTEN in the settings file',
          cause,
        }),
      )
    })
    listener.listen({ host: address.hostname, port: address.port, exclusive: true }, () =>
      listener.close(() => resolve()),
    )
  })
}

/** Whether an endpoint is on port 0, for which the system chooses a port that no other process knows. */
export function hasEphemeralPort({ address }: Endpoint): boolean {
  return 'port' in address && address.port === 0
}

/**
 * Returns null if the server with these endpoints is ready, else what is wrong. One endpoint is enough: a server that
 * is ready listens on all of them.
 */
export async function findReadinessProblem(
  [endpoint]: readonly Endpoint[],
  checkReadiness: ReadinessCheck,
): Promise<string | null> {
  return endpoint === undefined ? 'the server has no listener' : await checkReadiness(endpoint)
}

/**
 * Starts the service and returns once it is ready. Throws `unavailable`, with what the server has told systemd or the last lines
 * of its log, if it keeps exiting or takes longer than `readyTimeout`.
 */
export async function startAndWaitUntilReady(
  endpoints: readonly Endpoint[],
  { checkReadiness, readyTimeout: timeout, wait }: ReadinessOptions,
): Promise<void> {
  await startService()
  let problem: string | null = null
  let reported: readonly DomainError[] = []
  const outcome = await pollUntil({ wait, timeout, interval: pollInterval }, async () => {
    const state = await serviceState()
    // A server that starts again has not told anything yet.
    const found = listReportedErrors(state)
    if (found.length > 0) reported = found
    if (state.activeState === 'active') {
      problem = await findReadinessProblem(endpoints, checkReadiness)
      if (problem === null) return 'ready'
    }
    return hasFailed(state) ? 'failed' : null
  })
  if (outcome === 'ready') return
  const message = `the service does not become ready${problem === null ? '' : `: ${problem}`}`
  // systemd's own lines follow those of a server that ended, and push them out of the last ones.
  const lines =
    reported.length > 0
      ? reported.flatMap((error) => error.lines)
      : (await lastLogLines()).split('\n')
  throw new DomainError('unavailable', [message, ...lines.map((line) => `  ${line}`)], {
    hint: [
      ...reported.flatMap((error) => error.hintLines),
      'see the whole log with `journalctl -u snailpass`',
    ],
  })
}

function hasFailed(state: ServiceState): boolean {
  return (!state.isPending && !isStarted(state)) || state.restarts >= maxRestarts
}
