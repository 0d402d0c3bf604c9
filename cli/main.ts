/**
 * The command line: parses arguments, calls an operation of src/app, prints its result and exits with a code. Results
 * go to stdout, everything else to stderr.
 */
import { runProgram } from './run'

// Without an explicit exit, a request that outlives the shutdown timeout of the server would keep the process running.
process.exit(await runProgram(process.argv.slice(2)))
