import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { ReaderGoneError, writeStderr, writeStdout } from '../../cli/streams'
import { reportError } from '../../cli/terminal'
import { captureOutput } from '../support/cli'

/** Runs work whose writes do one step after the other: take so many bytes, or fail with a code. */
function writeInSteps(steps: readonly (number | string)[], work: () => void) {
  const sleep = spyOn(Bun, 'sleepSync').mockImplementation(() => {})
  const written: Uint8Array[] = []
  const left = [...steps]
  const write = spyOn(fs, 'writeSync').mockImplementation((_descriptor, ...[content]) => {
    const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(`${content}`)
    const step = left.shift() ?? bytes.length
    if (typeof step === 'string')
      throw Object.assign(new Error(`${step}: failed, write`), { code: step, syscall: 'write' })
    written.push(bytes.slice(0, step))
    return Math.min(step, bytes.length)
  })
  const pauses: number[] = []
  let error: unknown = null
  try {
    work()
  } catch (thrown) {
    error = thrown
  } finally {
    pauses.push(...sleep.mock.calls.map(([ms]) => Number(ms)))
    write.mockRestore()
    sleep.mockRestore()
  }
  return { text: Buffer.concat(written).toString(), error, pauses }
}

describe('output', () => {
  test.each([
    ['a reader that is busy', ['EAGAIN', 'EAGAIN']],
    ['a write that takes a part, within a character', [1, 2, 3, 5]],
    ['a signal', ['EINTR', 4, 'EINTR']],
    ['all of them', [5, 'EAGAIN', 1, 'EINTR', 1]],
  ])('is complete after %s', (_name, steps) => {
    for (const write of [writeStdout, writeStderr]) {
      const { text, error } = writeInSteps(steps, () => write('ü🐌 and the rest\n'))
      expect({ text, error }).toEqual({ text: 'ü🐌 and the rest\n', error: null })
    }
  })

  test('waits longer and longer for a reader, and shortly again after it has read', () => {
    const busy = Array<string>(8).fill('EAGAIN')
    const { pauses } = writeInSteps([...busy, 1, 'EAGAIN'], () => writeStdout('abc'))
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 50, 50, 1])
  })

  test.each(['EPIPE', 'EOF', 'ECONNRESET'])(
    'ends without a message if its reader is gone: %s',
    (code) => {
      const { error } = writeInSteps([2, code], () => writeStdout('abc'))
      expect(error).toBeInstanceOf(ReaderGoneError)
      using output = captureOutput()
      expect(reportError(error)).toBe(1)
      expect(output.printed).toEqual({ stdout: '', stderr: '' })
    },
  )

  test.each(['ENOSPC', 'EIO', 'EBADF'])('that can not be written is an error: %s', (code) => {
    const { error } = writeInSteps([2, code], () => writeStdout('abc'))
    expect(error).toMatchObject({
      code: 'unavailable',
      message: `can't write the output: ${code}: failed, write`,
      hint: 'check the disk or the program that the output goes to',
    })
  })

  test.each(['EPIPE', 'ENOSPC', 'EIO'])('on stderr that nobody reads ends nothing: %s', (code) => {
    expect(writeInSteps([2, code], () => writeStderr('abc')).error).toBeNull()
  })
})
