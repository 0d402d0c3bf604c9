/**
 * What a command says beside its result: warnings and errors. They are lines for people on stderr, each at once; with --json
 * they are one JSON object there, at the end. So stdout has the result or nothing, whatever happens.
 */
import { CommanderError } from 'commander'
import { DomainError, type ErrorCode, errorMessage, listErrors } from '../src/domain/errors'
import { stringifyPrintable } from '../src/domain/text'
import { isSystemdJournal, withPriority } from '../src/log'
import { adviseRoot, rootHint, type TypedCommand } from './as-root'
import { ReaderGoneError, writeStderr } from './streams'
import { ExitError, exitCodeOf, exitCodes, info, printError } from './terminal'

/** An error as `--json` has it. `internal` is a bug. */
interface ReportedError {
  readonly code: ErrorCode | 'internal'
  readonly message: string
  readonly hint: string | null
}

/** What is kept for the object at the end; null for a command that talks to people. */
let kept: { readonly warnings: string[]; readonly usage: string[] } | null = null

let typed: TypedCommand = { program: process.execPath, args: [], environment: {} }

/** Begins the report of a command with these arguments. A mistake in them may keep commander from finding --json. */
export function startReport(args: readonly string[]): void {
  typed = { program: process.execPath, args, environment: { ...process.env } }
  const end = args.indexOf('--')
  const options = end === -1 ? args : args.slice(0, end)
  kept = options.includes('--json') ? { warnings: [], usage: [] } : null
}

export function warn(text: string): void {
  if (kept === null) info(`warning: ${text}`)
  else kept.warnings.push(text)
}

/** Reports a line of what commander has to say about wrong arguments. */
export function reportUsage(line: string): void {
  if (kept === null) info(line)
  else kept.usage.push(line)
}

/** Prints the hint to run the command as root, for one that has printed its problems itself. */
export function hintAtRoot(): void {
  if (kept === null) info(`hint: ${rootHint(typed)}`)
}

/** Ends the report of a command that threw this, or null. Returns the exit code. */
export function endReport(thrown: unknown): number {
  const error = adviseRoot(thrown, typed)
  if (kept === null) {
    if (error !== null && !(error instanceof CommanderError)) printError(error)
  } else {
    const { warnings } = kept
    const errors = error === null ? [] : describe(error, kept.usage)
    if (errors.length > 0 || warnings.length > 0) printObject({ errors, warnings })
  }
  // Printing the help or the version is not an error.
  if (error === null || (error instanceof CommanderError && error.exitCode === 0))
    return exitCodes.done
  return error instanceof CommanderError ? exitCodes.usage : exitCodeOf(error)
}

function describe(error: unknown, usage: readonly string[]): readonly ReportedError[] {
  if (error instanceof ExitError || error instanceof ReaderGoneError) return []
  if (error instanceof DomainError)
    return listErrors(error).map(({ code, message, hint }) => ({ code, message, hint }))
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return []
    const hint = usage.find((line) => line.startsWith('hint: '))?.slice('hint: '.length) ?? null
    return [{ code: 'invalid', message: error.message.replace(/^error: /, ''), hint }]
  }
  // Without a stack, which people can paste from the other form.
  const hint = 'this is a bug in snailpass: run it without --json, and report what it prints'
  return [{ code: 'internal', message: errorMessage(error), hint }]
}

function printObject(report: object): void {
  const lines = stringifyPrintable(report, 2).split('\n')
  const isJournal = isSystemdJournal(process.stderr.fd)
  writeStderr(lines.map((line) => `${isJournal ? withPriority('error', line) : line}\n`).join(''))
}
