import { CommanderError } from 'commander'
import { createProgram } from './program'
import { exitCodes, reportError } from './terminal'

// An explicit end: a request that outlived its server's patience must not keep the process.
process.exit(await run())

async function run(): Promise<number> {
  try {
    await createProgram().parseAsync(process.argv)
    return exitCodes.done
  } catch (error) {
    return error instanceof CommanderError ? usageExitCode(error) : reportError(error)
  }
}

/** Commander has said what is wrong by now; asking for help or the version is no mistake. */
function usageExitCode(error: CommanderError): number {
  return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
}
