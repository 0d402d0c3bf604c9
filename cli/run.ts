import { createProgram } from './program'
import { endReport, startReport } from './report'

/** Runs the command that these arguments of a process name. Returns its exit code. */
export async function runProgram(args: readonly string[]): Promise<number> {
  startReport(args)
  try {
    const program = await createProgram(args)
    await program.parseAsync([...args], { from: 'user' })
    return endReport(null)
  } catch (error) {
    return endReport(error)
  }
}
