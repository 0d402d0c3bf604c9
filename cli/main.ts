/**
 * The command line: parses arguments, calls an operation of src/app, prints its result and exits with a code. Results
 * go to stdout, everything else to stderr.
 */
import { CommanderError } from 'commander'
import { createProgram } from './program'
import { exitCodes, reportError } from './terminal'

// Without an explicit exit, a request that outlives the shutdown timeout of the server would keep the process running.
process.exit(await run())

async function run(): Promise<number> {
  try {
    const args = process.argv.slice(2)
    await (await createProgram(args)).parseAsync(args, { from: 'user' })
    return exitCodes.done
  } catch (error) {
    return error instanceof CommanderError ? usageExitCode(error) : reportError(error)
  }
}

/** Commander has already printed the message. Printing the help or the version is not an error. */
function usageExitCode(error: CommanderError): number {
  return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
}
