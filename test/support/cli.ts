import { spyOn } from 'bun:test'
import * as fs from 'node:fs'
import * as os from 'node:os'
import { runProgram } from '../../cli/run'
import { signalsFromNow } from './signals'
import type { ProcessResult } from './wait-for-exit'

/**
 * Records what is printed to stdout and stderr until the returned object is disposed. `onTerminal` has the texts of both, in
 * their order.
 */
export function captureOutput() {
  const printed = { stdout: '', stderr: '' }
  const onTerminal: string[] = []
  const { writeSync } = fs
  const spy = spyOn(fs, 'writeSync').mockImplementation((descriptor, ...rest) => {
    const [content] = rest
    const text = typeof content === 'string' ? content : new TextDecoder().decode(content)
    if (descriptor === 1) printed.stdout += text
    else if (descriptor === 2) printed.stderr += text
    else return Reflect.apply(writeSync, fs, [descriptor, ...rest])
    onTerminal.push(text)
    return Buffer.byteLength(text)
  })
  return { printed, onTerminal, [Symbol.dispose]: () => spy.mockRestore() }
}

/**
 * Lets a command that lowers the priority of its process record that until the returned object is disposed. This process keeps its
 * priority, since it can't raise a lowered one again for the tests that follow.
 */
export function recordPriorities() {
  const current = spyOn(os, 'getPriority').mockReturnValue(os.constants.priority.PRIORITY_NORMAL)
  const set = spyOn(os, 'setPriority').mockImplementation(() => {})
  return {
    calls: set.mock.calls,
    [Symbol.dispose]() {
      current.mockRestore()
      set.mockRestore()
    },
  }
}

/** Makes a stream count as a terminal, or as none, until the returned object is disposed. */
export function withTerminal(stream: { isTTY: boolean }, isTTY: boolean): Disposable {
  const before = stream.isTTY
  stream.isTTY = isTTY
  return {
    [Symbol.dispose]() {
      stream.isTTY = before
    },
  }
}

/**
 * Runs a command in this process, as the executable does, with these variables alone as its environment. For commands that
 * end by themselves; test/e2e runs the executable.
 */
export async function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ProcessResult> {
  return (await runRecorded(args, environment)).result
}

/** Runs a command as `runCommand` does. Returns what a terminal shows. */
export async function showCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  return (await runRecorded(args, environment)).onTerminal.join('')
}

async function runRecorded(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly result: ProcessResult; readonly onTerminal: readonly string[] }> {
  using output = captureOutput()
  const before = process.env
  process.env = { SNAILPASS_CONFIG: '/dev/null', HOME: '/nonexistent', ...environment }
  // At a signal for other tests, what a command listens with would end this process.
  using _signals = signalsFromNow()
  const code = await runProgram(args).finally(() => {
    process.env = before
  })
  return { result: { code, ...output.printed }, onTerminal: output.onTerminal }
}
