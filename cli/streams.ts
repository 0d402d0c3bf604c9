import { writeSync } from 'node:fs'
import { DomainError, errorMessage } from '../src/domain/errors'

/** Thrown when the program that reads stdout has ended, as `head` does. That needs no message. */
export class ReaderGoneError extends Error {
  override readonly name = 'ReaderGoneError'
}

/**
 * Writes a text to stdout, whatever its size, and waits for a slow reader. Synchronous: the process may exit right after it.
 * Throws ReaderGoneError, and `unavailable` for any other failure: what reads the output must not take a part for the whole.
 */
export function writeStdout(text: string): void {
  try {
    writeAll(process.stdout.fd, text)
  } catch (error) {
    // Windows reports the end of the reader as EOF, and a socket of TCP as ECONNRESET.
    if (['EPIPE', 'EOF', 'ECONNRESET'].includes(codeOf(error))) throw new ReaderGoneError()
    throw new DomainError('unavailable', `can't write the output: ${errorMessage(error)}`, {
      hint: 'check the disk or the program that the output goes to',
      cause: error,
    })
  }
}

/**
 * Writes a text to stderr, as `writeStdout` does. Messages that can't be written are lost: a command must not end half way
 * because nobody reads them any more.
 */
export function writeStderr(text: string): void {
  try {
    writeAll(process.stderr.fd, text)
  } catch {
    // Nobody reads it.
  }
}

/** Pauses while the reader is busy, in milliseconds: a short one first, and longer ones for a pager that waits for a key. */
const pauses = { first: 1, longest: 50 } as const

/** A write into a pipe takes 64 KB at most, and none (EAGAIN) while the pipe is full. */
function writeAll(descriptor: number, text: string): void {
  let rest: Uint8Array = new TextEncoder().encode(text)
  let pause: number = pauses.first
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest))
      pause = pauses.first
    } catch (error) {
      if (codeOf(error) === 'EINTR') continue
      if (codeOf(error) !== 'EAGAIN') throw error
      Bun.sleepSync(pause)
      pause = Math.min(2 * pause, pauses.longest)
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
