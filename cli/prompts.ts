/** What commands ask: confirmations and secrets, on the terminal or from stdin. */
import { createReadStream } from 'node:fs'
import { DomainError } from '../src/domain/errors'
import { escapeUnprintable } from '../src/domain/text'
import { endingSignals } from './signals'
import { writeStderr } from './streams'
import { info } from './terminal'

/**
 * Asks for "yes" before something that deletes or replaces data, or that every device must follow. `option` skips the question.
 * Throws `invalid` without a terminal, and `conflict` for any other answer.
 */
export async function confirm(effect: string, option = '--yes'): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new DomainError('invalid', "can't ask for confirmation: not a terminal", {
      hint: `use ${option} to skip`,
    })
  }
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl-C and Ctrl-D close the terminal interface without an answer. They count as an empty answer.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  info(effect)
  const typed = terminal.question('Type "yes" to continue: ')
  const answer = await Promise.race([typed, closed])
  terminal.close()
  if (answer.trim() !== 'yes') throw cancelledError()
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
