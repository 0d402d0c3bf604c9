import { Command } from 'commander'
import { checkReadiness } from '../../src/app/operations/healthcheck'
import { currentEndpoints } from '../../src/app/running-server'
import { formatListenAddress } from '../../src/config/listen-address'
import { endpointsOf } from '../../src/config/listeners'
import { DomainError } from '../../src/domain/errors'
import { loadCommandConfig, withConfigOptions } from '../config-options'
import { warn } from '../report'
import { ExitError, exitCodes, out, outJson } from '../terminal'

/** How long the server may take to answer, in milliseconds. */
const timeout = 5_000

export function healthcheckCommand(): Command {
  const command = new Command('healthcheck')
    .description('check that the running server is ready, for service managers')
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'listen', 'listenTls'])
    .addHelpText(
      'after',
      `
Requests GET /readyz for at most ${timeout / 1000} seconds, at the address where the server of
the data folder listens, or that --listen or --listen-tls names. Prints "ready"
and exits with 0, or prints the problem and exits with 1. Warnings of the server
go to stderr and do not change the exit code.

Examples:
  snailpass healthcheck
  snailpass healthcheck --listen 127.0.0.1:5000`,
    )
    .action(async (options: { json?: true }) => {
      const { settings, origins, warnings: notes } = loadCommandConfig(command)
      for (const note of notes) warn(note)
      const isNamed = (['listen', 'listenTls'] as const).some(
        (key) => origins.get(key)?.source === 'flag',
      )
      const [endpoint] = isNamed ? endpointsOf(settings) : currentEndpoints(settings)
      if (endpoint === undefined) throw new Error('settings without a listener were let through')
      const { problem, warnings } = await checkReadiness(endpoint, timeout)
      const address = formatListenAddress(endpoint.address)
      if (options.json === true) {
        const status = problem === null ? 'ready' : 'not_ready'
        outJson({ status, address, problems: problem === null ? [] : [problem], warnings })
        if (problem !== null) throw new ExitError(exitCodes.failed)
        return
      }
      out(problem ?? 'ready')
      for (const warning of warnings) warn(warning)
      if (problem === null) return
      throw new DomainError('unavailable', `the server at ${address} is not ready`, {
        hint: 'check that it is running and listens on this address, and read its log',
      })
    })
}
