import type { Settings } from '../../config/settings'
import { checkReadiness, readinessRequest } from '../operations/healthcheck'
import { currentEndpoints } from '../running-server'
import type { Outcome } from './findings'

/** The warnings of a server about what other checks look at themselves. */
const checkedHere = /^(?:low_space|backup_folder|failed_backup|stale_backup|implausible_clock)\b/

/** Milliseconds. */
const timeout = 5_000

/** Asks the running server, if there is one, whether it is ready: only it knows how its last write ended. */
export async function checkServer(settings: Settings): Promise<Outcome> {
  const endpoint = currentEndpoints(settings).find(
    ({ address }) => 'path' in address || address.port !== 0,
  )
  if (endpoint === undefined) return { fact: 'its port is chosen at each start: it was not asked' }
  const { url, socket } = readinessRequest(endpoint)
  const where = socket ?? url.origin
  const { problem, isServer, warnings } = await checkReadiness(endpoint, timeout)
  if (!isServer) return { fact: `no server answers at ${where}` }
  if (problem === null) {
    return {
      fact: `the server at ${where} is ready`,
      findings: warnings
        .filter((warning) => !checkedHere.test(warning))
        .map((warning) => ({
          what: `the running server warns: ${warning}`,
          why: 'it serves requests, but needs attention',
          fix: 'find what to do in its log: journalctl -u snailpass',
        })),
    }
  }
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
