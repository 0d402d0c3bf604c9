import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { DomainError, type ErrorCode } from '../src/domain/errors'

export const exitCodes = { done: 0, failed: 1, usage: 2, notFound: 3, notChecked: 4 } as const

/** The end of a command that has said all there is to say, and did not go as it should. */
export class ExitError extends Error {
  override readonly name = 'EndedWith'
  readonly code: number

  constructor(code: number) {
    super(`ended with ${code}`)
    this.code = code
  }
}

/** What the exit codes mean, for the help of the whole program. */
export const exitCodesHelp = `Exit codes:
  0  done
  1  failed, or found what is wrong; stderr says why, and what to do
  2  wrong usage or settings
  3  there is no such account, letter or file
  4  doctor could not check everything`

const exitCodeOf: Readonly<Record<ErrorCode, number>> = {
  invalid: exitCodes.usage,
  unauthenticated: exitCodes.failed,
  forbidden: exitCodes.failed,
  not_found: exitCodes.notFound,
  conflict: exitCodes.failed,
  too_large: exitCodes.failed,
  rate_limited: exitCodes.failed,
  unavailable: exitCodes.failed,
  storage_full: exitCodes.failed,
  vault_full: exitCodes.failed,
}

/** Says on stderr what went wrong and what to do about it. Answers the exit code. */
export function reportError(error: unknown): number {
  if (error instanceof DomainError) {
    infoLabelled('error', error.message)
    if (error.hint !== null) infoLabelled('hint', error.hint)
    return exitCodeOf[error.code]
  }
  // Whoever read the output has gone, as `head` does: there is nobody to tell.
  if (error instanceof ExitError) return error.code
  if (isBrokenPipe(error)) return exitCodes.failed
  infoLabelled('error', error instanceof Error ? (error.stack ?? error.message) : String(error))
  infoLabelled('hint', 'this is a fault of snailpass itself: please report it with the lines above')
  return exitCodes.failed
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE' && 'syscall' in error
}

/** Lets a line through to stderr under its label, each further line under the same one. */
function infoLabelled(label: 'error' | 'hint', text: string): void {
  for (const line of text.split('\n')) info(`${label}: ${line}`)
}

/**
 * Talk goes to stderr, `error:`, `hint:` and `warning:` in colour where somebody looks. Synchronously, as `print`:
 * the process may end right after.
 */
export function info(line: string): void {
  const text = wantsColour(process.stderr.isTTY, process.env) ? colourLabels(line) : line
  writeSync(process.stderr.fd, `${text}\n`)
}

/** Whether whoever looks can see colours, and has not asked for none (https://no-color.org). */
export function wantsColour(
  isTerminal: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTerminal && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb'
}

/** The usual numbers of red, cyan and yellow, which every terminal shows in the shades of its owner's choice. */
const colourOf: Readonly<Record<string, number>> = { error: 31, hint: 36, warning: 33 }

/** Colours the label that a line begins with, and nothing else: what was said stays as it is. */
export function colourLabels(text: string): string {
  return text.replaceAll(
    /^(error|hint|warning):/gm,
    (label, name: string) => `\u001b[${colourOf[name]}m${label}\u001b[39m`,
  )
}

/** Data goes to stdout, where a script reads it. */
export function out(line: string): void {
  writeSync(process.stdout.fd, `${line}\n`)
}

/** Data for scripts: JSON, in lines that people can read too. */
export function outJson(value: unknown): void {
  out(JSON.stringify(value, null, 2))
}

/** A line on stderr that is written over again and again, where somebody watches; nothing elsewhere. */
export function createProgressLine(): { update(line: string): void; end(): void } {
  if (!process.stderr.isTTY) return { update() {}, end() {} }
  const overwrite = (line: string) => writeSync(process.stderr.fd, `\r\u001b[2K${line}`)
  return { update: overwrite, end: () => void overwrite('') }
}

/**
 * Asks for a whole word before something that cannot be taken back. Throws `invalid` where nobody can
 * answer, and `conflict` for any other answer.
 */
export async function confirm(question: string, word: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new DomainError('invalid', 'there is no terminal to ask for consent on', {
      hint: 'add --yes if you mean it',
    })
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl-C and Ctrl-D close it without an answer, which is one too.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  const asked = terminal.question(`${question}\nType "${word}" to go on: `)
  const answer = await Promise.race([asked, closed])
  terminal.close()
  if (answer.trim() === word) return
  throw cancelledError()
}

/**
 * Asks for a line that nobody else may see: it is not shown while it is typed. Throws `invalid` where there is no
 * terminal to type on, and `conflict` when the question is left with Ctrl-C or Ctrl-D. However it ends, the terminal
 * shows again what is typed.
 */
export async function askSecret(question: string): Promise<string> {
  const { stdin } = process
  if (!stdin.isTTY) {
    throw new DomainError('invalid', 'there is no terminal to type a secret on', {
      hint: 'run this on a terminal, or use the option that reads the secret from a file',
    })
  }
  const write = (text: string) => void writeSync(process.stderr.fd, text)
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
  // A signal or an exit that ends the process meanwhile must not leave a terminal that shows nothing.
  const onExit = () => void stdin.setRawMode(false)
  process.once('exit', onExit)
  const onSignal = () => reject(cancelledError())
  const signals = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const
  for (const signal of signals) process.on(signal, onSignal)
  // Before the question: whoever sees it can type at once.
  stdin.setRawMode(true)
  try {
    write(question)
    const before = typedAhead
    typedAhead = ''
    handleInput(before)
    stdin.on('data', onData)
    stdin.resume()
    return await promise
  } finally {
    stdin.off('data', onData)
    stdin.pause()
    stdin.setRawMode(false)
    process.off('exit', onExit)
    for (const signal of signals) process.off(signal, onSignal)
    write('\n')
  }
}

/** Longest secret that is read from stdin, in bytes: whatever else is piped in is no secret. */
const maxSecretBytes = 64 * 1024

/**
 * Reads a secret from stdin, where another program puts it: one line, with or without its end. Throws `invalid` for
 * anything else; `what` names the secret.
 */
export async function readSecretLine(what: string): Promise<string> {
  const refused = (problem: string) =>
    new DomainError('invalid', `stdin ${problem}`, { hint: `pass ${what} on it, as one line` })
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of Bun.stdin.stream()) {
    length += chunk.length
    if (length > maxSecretBytes) throw refused('holds more than a line')
    chunks.push(chunk)
  }
  const line = decodeLine(Buffer.concat(chunks))
  if (line === null) throw refused('is not UTF-8')
  if (/[\r\n]/.test(line)) throw refused('holds more than a line')
  if (line === '') throw refused('is empty')
  return line
}

/** A text without the end of its line, null where it is no UTF-8. */
function decodeLine(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
  } catch {
    return null
  }
}

/** What was pasted behind the line of one question answers the next one; Bun's `unshift` loses it. */
let typedAhead = ''

/** What arrows and the like send. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are made of such.
const cursorKeys = /\u001b(?:\[[\d;]*[A-Za-z~]|O[A-Z])?/g

function cancelledError(): DomainError {
  return new DomainError('conflict', 'not done: nothing was changed')
}
