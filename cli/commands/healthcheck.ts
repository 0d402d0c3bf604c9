import { Command } from 'commander'
import { fetchReadiness, readinessRequest } from '../../src/app/operations/healthcheck'
import { formatListenAddress } from '../../src/config/listen-address'
import { endpointsOf } from '../../src/config/listeners'
import { DomainError } from '../../src/domain/errors'
import { loadCommandSettings, withConfigOptions } from '../config-options'
import { info, out } from '../terminal'

/** How long the server may take to answer, in milliseconds. */
const timeout = 5_000

export function healthcheckCommand(): Command {
  const command = new Command('healthcheck').description(
    'ask the running server whether it is ready, for service managers',
  )
  return withConfigOptions(command, ['listen', 'listenTls'])
    .addHelpText(
      'after',
      `
Asks GET /readyz at the address that the server listens on, for 5 seconds at most. Prints
"ready" and exits with 0, or prints why not and exits with 1. What the server warns of goes to
stderr, and does not count.

Example:
  snailpass healthcheck --listen 127.0.0.1:5000`,
    )
    .action(async () => {
      const [endpoint] = endpointsOf(loadCommandSettings(command))
      if (endpoint === undefined) throw new Error('settings without a listener were let through')
      const question = readinessRequest(endpoint)
      const { problem, warnings } = await fetchReadiness(question, AbortSignal.timeout(timeout))
      out(problem ?? 'ready')
      for (const warning of warnings) info(`warning: ${warning}`)
      if (problem === null) return
      throw new DomainError(
        'unavailable',
        `the server at ${formatListenAddress(endpoint.address)} is not ready`,
        {
          hint: 'see that it runs, that it listens there, and what its log says',
        },
      )
    })
}
