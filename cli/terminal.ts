/**
 * Everything that commands print and ask: data on stdout, messages and progress on stderr, confirmations and secrets
 * on the terminal, errors with their exit codes. Whatever is printed goes through here, where unprintable characters are
 * escaped: emails, file names, and what other servers answer are chosen by others.
 */
import { createReadStream } from 'node:fs'
import { DomainError, type ErrorCode, listErrors } from '../src/domain/errors'
import { escapeUnprintable, stringifyPrintable } from '../src/domain/text'
import { isSystemdJournal, type LogLevel, withPriority } from '../src/log'
import { endingSignals } from './signals'
import { ReaderGoneError, writeStderr, writeStdout } from './streams'

export const exitCodes = { done: 0, failed: 1, usage: 2, notFound: 3, notChecked: 4 } as const

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
  info('hint: this is a bug in snailpass: please report it with the lines above')
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

/**
 * Asks the user to type `word` before something that can't be undone. `option` skips the question. Throws `invalid` without
 * a terminal, and `conflict` for any other answer.
 */
export async function confirm(question: string, word: string, option = '--yes'): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new DomainError('invalid', "can't ask for confirmation: not a terminal", {
      hint: `use ${option} to skip`,
    })
  }
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl-C and Ctrl-D close the terminal interface without an answer. They count as an empty answer.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  const shown = escapeUnprintable(word)
  info(question)
  const typed = terminal.question(`Type "${shown}" to continue: `)
  const answer = await Promise.race([typed, closed])
  terminal.close()
  // What is not printable can't be typed: the user types what is shown.
  if (answer.trim() === shown) return
  throw cancelledError()
}

export interface SecretPrompt {
  readonly question: string
  /** What is asked for, as the error names it: `a passphrase`. */
  readonly name: string
  /** The option that reads the secret from somewhere else. */
  readonly alternative: string
}

/**
 * Asks for a line without showing what is typed. Throws `invalid` without a terminal, and `conflict` on Ctrl-C, Ctrl-D
 * or a signal. In every case the terminal shows typed characters again afterwards.
 */
export async function askSecret({ question, name, alternative }: SecretPrompt): Promise<string> {
  const { stdin } = process
  if (!stdin.isTTY) {
    throw new DomainError('invalid', `can't prompt for ${name}: not a terminal`, {
      hint: `use ${alternative}`,
    })
  }
  const decoder = new TextDecoder()
  const line: string[] = []
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const handleInput = (text: string) => {
    const keys = Array.from(text.replaceAll(cursorKeys, ''))
    for (const [index, key] of keys.entries()) {
      if (key === '\r' || key === '\n') {
        typedAhead = keys.slice(index + 1).join('')
        return resolve(line.join(''))
      }
      if (key === '\u0003' || key === '\u0004') return reject(cancelledError())
      if (key === '\u007f' || key === '\b') line.pop()
      else if (key === '\u0015') line.length = 0
      else if (key >= ' ') line.push(key)
    }
  }
  const onData = (bytes: Uint8Array) => handleInput(decoder.decode(bytes, { stream: true }))
  // If a signal or an exit ends the process here, the terminal must not stay in raw mode.
  const onExit = () => void stdin.setRawMode(false)
  process.once('exit', onExit)
  const onSignal = () => reject(cancelledError())
  const signals = endingSignals()
  for (const signal of signals) process.on(signal, onSignal)
  // Raw mode starts before the question appears, so that nothing typed after it is shown.
  stdin.setRawMode(true)
  try {
    writeStderr(escapeUnprintable(question))
    const pasted = typedAhead
    typedAhead = ''
    handleInput(pasted)
    stdin.on('data', onData)
    stdin.resume()
    return await promise
  } finally {
    stdin.off('data', onData)
    stdin.pause()
    stdin.setRawMode(false)
    process.off('exit', onExit)
    for (const signal of signals) process.off(signal, onSignal)
    writeStderr('\n')
  }
}

/** Maximum size of a secret on stdin, in bytes: 64 KiB. */
const maxSecretBytes = 64 * 1024

/**
 * Reads a secret that another program writes to stdin: one line, with or without a line break. Throws `invalid` for
 * anything else. `name` is how the hint names the secret.
 */
export async function readSecretLine(name: string): Promise<string> {
  const invalidInput = (problem: string) =>
    new DomainError('invalid', `stdin ${problem}`, {
      hint: `pass ${name} on stdin as a single line`,
    })
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of openStdin()) {
    length += chunk.length
    if (length > maxSecretBytes) throw invalidInput('is larger than 64 KiB')
    chunks.push(chunk)
  }
  const line = decodeLine(Buffer.concat(chunks))
  if (line === null) throw invalidInput('is not UTF-8')
  if (/[\r\n]/.test(line)) throw invalidInput('contains more than one line')
  if (line === '') throw invalidInput('is empty')
  return line
}

/** Returns stdin as a stream. Bun's own one fails on Windows for some pipes (EBADF; it does under Wine). */
function openStdin(): AsyncIterable<Uint8Array> {
  return process.platform === 'win32'
    ? createReadStream('', { fd: 0, autoClose: false })
    : Bun.stdin.stream()
}

/** Returns a text without its line break, or null if it is not UTF-8. */
function decodeLine(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
  } catch {
    return null
  }
}

/** Text pasted after the line that answers one question. It answers the next question. (Bun's `unshift` would lose it.) */
let typedAhead = ''

/** The escape sequences of arrow keys and similar keys. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character.
const cursorKeys = /\u001b(?:\[[\d;]*[A-Za-z~]|O[A-Z])?/g

function cancelledError(): DomainError {
  return new DomainError('conflict', 'cancelled: nothing was changed')
}
