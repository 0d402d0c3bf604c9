import { endpointsOf } from '../../config/listeners'
import type { Settings } from '../../config/settings'
import { checkReadiness, readinessRequest } from '../operations/healthcheck'
import type { Outcome } from './findings'

/** Milliseconds. */
const timeout = 5_000

/** Asks the running server, if there is one, whether it is ready: only it knows how its last write ended. */
export async function checkServer(settings: Settings): Promise<Outcome> {
  const endpoint = endpointsOf(settings).find(
    ({ address }) => 'path' in address || address.port !== 0,
  )
  if (endpoint === undefined) return { fact: 'its port is chosen at each start: it was not asked' }
  const { url, socket } = readinessRequest(endpoint)
  const where = socket ?? url.origin
  const { problem, isServer } = await checkReadiness(endpoint, timeout)
  if (!isServer) return { fact: `no server answers at ${where}` }
  if (problem === null) return { fact: `the server at ${where} is ready` }
  return {
    fact: `the server at ${where} is not ready`,
    findings: [
      {
        what: `the running server is not ready: ${problem}`,
        why: 'it refuses requests of clients',
        fix: 'find the reason in its log: journalctl -u snailpass',
      },
    ],
  }
}
