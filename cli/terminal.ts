/**
 * Everything that commands print: data on stdout, messages and progress on stderr, errors with their exit codes. What they ask
 * is in prompts.ts. Whatever is printed goes through here, where unprintable characters are
 * escaped: emails, file names, and what other servers answer are chosen by others.
 */
import { DomainError, type ErrorCode, listErrors } from '../src/domain/errors'
import { escapeUnprintable, stringifyPrintable } from '../src/domain/text'
import { isSystemdJournal, type LogLevel, withPriority } from '../src/log'
import { ReaderGoneError, writeStderr, writeStdout } from './streams'

export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notChecked: 4,
  newerRelease: 5,
} as const

/** Ends a command that has already printed its result with an exit code other than 0. */
export class ExitError extends Error {
  override readonly name = 'ExitError'
  readonly code: number

  constructor(code: number) {
    super(`exit code ${code}`)
    this.code = code
  }
}

/** The exit codes, for the help of the program. */
export const exitCodesHelp = `Exit codes:
  0  success
  1  failure, or problems found; stderr says why and what to do
  2  invalid usage or settings
  3  account, email, invitation or file not found
  4  doctor could not run every check
  5  update --check found a newer release`

const exitCodesByError: Readonly<Record<ErrorCode, number>> = {
  invalid: exitCodes.usage,
  unauthenticated: exitCodes.failed,
  forbidden: exitCodes.failed,
  not_found: exitCodes.notFound,
  conflict: exitCodes.failed,
  outdated: exitCodes.failed,
  too_large: exitCodes.failed,
  rate_limited: exitCodes.failed,
  unavailable: exitCodes.failed,
  storage_full: exitCodes.failed,
  vault_full: exitCodes.failed,
}

/** Returns the exit code of a command that threw this. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ExitError) return error.code
  return error instanceof DomainError ? exitCodesByError[error.code] : exitCodes.failed
}

/** Prints an error and its hint to stderr. Returns the exit code. */
export function reportError(error: unknown): number {
  printError(error)
  return exitCodeOf(error)
}

/** Prints an error and its hint to stderr; of several errors, each with its own hint. */
export function printError(error: unknown): void {
  if (error instanceof DomainError) {
    for (const { lines, hintLines } of listErrors(error)) {
      infoLabelled('error', lines)
      infoLabelled('hint', hintLines)
    }
    return
  }
  if (error instanceof ExitError || error instanceof ReaderGoneError) return
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  infoLabelled('error', text.split('\n'))
  info(
    'hint: this is a bug in snailpass: please report it with the lines above, and with what snailpass doctor --support prints',
  )
}

/** Prints lines to stderr with the label in front of each one. */
function infoLabelled(label: 'error' | 'hint', lines: readonly string[]): void {
  for (const line of lines) info(`${label}: ${line}`)
}

/** Prints a message to stderr, as one line. On a terminal `error:`, `hint:` and `warning:` are coloured. */
export function info(line: string): void {
  writeStderr(`${decorate(escapeUnprintable(line))}\n`)
}

/** Prints lines of block characters to a terminal on stderr, bright on black whatever its colours are. */
export function infoPicture(lines: readonly string[]): void {
  const isColoured = wantsColour(process.stderr.isTTY, process.env)
  for (const line of lines)
    writeStderr(isColoured ? `  \u001b[97;40m${line}\u001b[0m\n` : `  ${line}\n`)
}

/** Adds what the reader of stderr understands: colours on a terminal, priorities in the journal of systemd. */
function decorate(text: string): string {
  if (isSystemdJournal(process.stderr.fd)) return withPriority(levelOf(text), text)
  return wantsColour(process.stderr.isTTY, process.env) ? colourLabel(text) : text
}

/** A hint has the level of its error, so that a filter by level shows both. */
function levelOf(text: string): LogLevel {
  if (/^(?:error|hint):/.test(text)) return 'error'
  return text.startsWith('warning:') ? 'warn' : 'info'
}

/** Returns whether to use colours: on a terminal that has them, unless NO_COLOR is set (https://no-color.org). */
export function wantsColour(
  isTerminal: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTerminal && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb'
}

/** ANSI codes of red, cyan and yellow. The terminal's theme defines their shades. */
const colourOf: Readonly<Record<string, number>> = { error: 31, hint: 36, warning: 33 }

/** Colours the label at the beginning of a line, and nothing else. */
export function colourLabel(line: string): string {
  return line.replace(
    /^(error|hint|warning):/,
    (label, name: string) => `\u001b[${colourOf[name]}m${label}\u001b[39m`,
  )
}

/** Prints data to stdout, as one line. Throws ReaderGoneError and `unavailable`, as everything that prints to stdout. */
export function out(line: string): void {
  writeStdout(`${escapeUnprintable(line)}\n`)
}

/** Prints a text of several lines to stdout, such as a help or a script. It has no part that somebody else chose. */
export function outText(text: string): void {
  for (const line of text.replace(/\n$/, '').split('\n')) out(line)
}

/** Prints data as indented JSON to stdout. */
export function outJson(value: unknown): void {
  writeStdout(`${stringifyPrintable(value, 2)}\n`)
}

/** Prints a list as `outJson` does, part by part: it need not fit into memory. */
export function createJsonList(): { add(value: unknown): void; end(): void } {
  let isEmpty = true
  return {
    add(value) {
      const text = stringifyPrintable(value, 2).replaceAll('\n', '\n  ')
      writeStdout(`${isEmpty ? '[' : ','}\n  ${text}`)
      isEmpty = false
    },
    end: () => writeStdout(isEmpty ? '[]\n' : '\n]\n'),
  }
}

/** A line on stderr that each update overwrites. `update` is null if stderr is not a terminal: nobody looks. */
export interface ProgressLine {
  readonly update: ((line: string) => void) | null
  end(): void
}

export function createProgressLine(): ProgressLine {
  if (!process.stderr.isTTY) return { update: null, end() {} }
  const overwrite = (line: string) => writeStderr(`\r\u001b[2K${escapeUnprintable(line)}`)
  return { update: overwrite, end: () => void overwrite('') }
}
