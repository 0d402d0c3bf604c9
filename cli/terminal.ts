import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { DomainError, type ErrorCode } from '../src/domain/errors'

export const exitCodes = { done: 0, failed: 1, usage: 2 } as const

const exitCodeOf: Readonly<Record<ErrorCode, number>> = {
  invalid: exitCodes.usage,
  unauthenticated: exitCodes.failed,
  forbidden: exitCodes.failed,
  not_found: exitCodes.failed,
  conflict: exitCodes.failed,
  too_large: exitCodes.failed,
  rate_limited: exitCodes.failed,
  unavailable: exitCodes.failed,
  storage_full: exitCodes.failed,
}

/** Says on stderr what went wrong and what to do about it. Answers the exit code. */
export function explain(error: unknown): number {
  if (error instanceof DomainError) {
    say('error', error.message)
    if (error.hint !== null) say('hint', error.hint)
    return exitCodeOf[error.code]
  }
  say('error', error instanceof Error ? (error.stack ?? error.message) : String(error))
  say('hint', 'this is a fault of snailpass itself: please report it with the lines above')
  return exitCodes.failed
}

/** Lets a line through to stderr under its label, each further line under the same one. */
function say(label: 'error' | 'hint', text: string): void {
  for (const line of text.split('\n')) tell(`${label}: ${line}`)
}

/** Talk goes to stderr. Synchronously, as `print`: the process may end right after. */
export function tell(line: string): void {
  writeSync(process.stderr.fd, `${line}\n`)
}

/** Data goes to stdout, where a script reads it. */
export function print(line: string): void {
  writeSync(process.stdout.fd, `${line}\n`)
}

/** A line on stderr that is written over again and again, where somebody watches; nothing elsewhere. */
export function showProgress(): { show(line: string): void; end(): void } {
  if (!process.stderr.isTTY) return { show() {}, end() {} }
  const overwrite = (line: string) => writeSync(process.stderr.fd, `\r\u001b[2K${line}`)
  return { show: overwrite, end: () => void overwrite('') }
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
  throw new DomainError('conflict', 'not done: nothing was changed')
}
