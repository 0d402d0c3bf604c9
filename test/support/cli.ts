import { spyOn } from 'bun:test'
import * as fs from 'node:fs'
import { CommanderError } from 'commander'
import { createProgram } from '../../cli/program'
import { exitCodes, reportError } from '../../cli/terminal'
import type { ProcessResult } from './executable'

/**
 * Records what is printed to stdout and stderr until the returned object is disposed. `terminal` has both in the order of a
 * terminal.
 */
export function captureOutput() {
  const printed = { stdout: '', stderr: '', terminal: '' }
  const { writeSync } = fs
  const spy = spyOn(fs, 'writeSync').mockImplementation((descriptor, ...rest) => {
    const [text] = rest
    if (descriptor === 1) printed.stdout += String(text)
    else if (descriptor === 2) printed.stderr += String(text)
    else return Reflect.apply(writeSync, fs, [descriptor, ...rest])
    printed.terminal += String(text)
    return String(text).length
  })
  return { printed, [Symbol.dispose]: () => spy.mockRestore() }
}

/**
 * Runs a command in this process, as the executable does, with these variables alone as its environment. For commands that
 * end by themselves; test/e2e runs the executable.
 */
export async function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ProcessResult> {
  const { code, stdout, stderr } = await runRecorded(args, environment)
  return { code, stdout, stderr }
}

/** Runs a command as `runCommand` does. Returns what a terminal shows. */
export async function showCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  return (await runRecorded(args, environment)).terminal
}

async function runRecorded(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<ProcessResult & { readonly terminal: string }> {
  using output = captureOutput()
  const before = process.env
  process.env = { SNAILPASS_CONFIG: '/dev/null', HOME: '/nonexistent', ...environment }
  const code = await createProgram()
    .parseAsync([...args], { from: 'user' })
    .then(
      () => exitCodes.done,
      (error: unknown) => {
        if (!(error instanceof CommanderError)) return reportError(error)
        return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
      },
    )
    .finally(() => {
      process.env = before
    })
  return { code, ...output.printed }
}
