import { Command } from 'commander'
import { checkReadiness } from '../../src/app/operations/healthcheck'
import { formatListenAddress } from '../../src/config/listen-address'
import { endpointsOf } from '../../src/config/listeners'
import { DomainError } from '../../src/domain/errors'
import { loadCommandSettings, withConfigOptions } from '../config-options'
import { info, out } from '../terminal'

/** How long the server may take to answer, in milliseconds. */
const timeout = 5_000

export function healthcheckCommand(): Command {
  const command = new Command('healthcheck').description(
    'check that the running server is ready, for service managers',
  )
  return withConfigOptions(command, ['listen', 'listenTls'])
    .addHelpText(
      'after',
      `
Requests GET /readyz at the address that the server listens on, for at most ${timeout / 1000} seconds. Prints
"ready" and exits with 0, or prints the problem and exits with 1. Warnings of the server go to
stderr and do not change the exit code.

Example:
  snailpass healthcheck --listen 127.0.0.1:5000`,
    )
    .action(async () => {
      const [endpoint] = endpointsOf(loadCommandSettings(command))
      if (endpoint === undefined) throw new Error('settings without a listener were let through')
      const { problem, warnings } = await checkReadiness(endpoint, timeout)
      out(problem ?? 'ready')
      for (const warning of warnings) info(`warning: ${warning}`)
      if (problem === null) return
      throw new DomainError(
        'unavailable',
        `the server at ${formatListenAddress(endpoint.address)} is not ready`,
        {
          hint: 'check that it is running and listens on this address, and read its log',
        },
      )
    })
}
