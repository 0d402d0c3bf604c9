import { describe, expect, test } from 'bun:test'
import type { CheckDatabase, Damage } from '../../../src/app/server/database-check'
import { parseDamage, startDatabaseCheck } from '../../../src/app/server/database-check'
import { DomainError } from '../../../src/domain/errors'
import type { Wait } from '../../../src/domain/runtime'
import { createLog } from '../../../src/log'
import { captureError } from '../../support/capture-error'
import { until } from '../../support/until'

const damage: Damage = { problem: '/srv/v.db is damaged: page 7', hint: 'restore the backup' }

/** Starts a check, whose waits are over at once. */
function start(check: CheckDatabase, wait: Wait = () => Promise.resolve()) {
  const lines: Record<string, unknown>[] = []
  const state = { passed: 0 }
  const log = createLog('json', Date.now, (line) => lines.push(JSON.parse(line)))
  const pending = { passed: () => void state.passed++ }
  return { ...startDatabaseCheck({ pending, check, wait, log }), lines, state }
}

describe('the check of a database beside the server', () => {
  test('that finds nothing has passed', async () => {
    const { lines, state, problem } = start(() => Promise.resolve(null))
    await until(() => lines.length > 0, 'the result')
    expect({ passed: state.passed, problem: problem() }).toEqual({ passed: 1, problem: null })
    expect(lines).toMatchObject([
      { level: 'info', message: 'the check of the database has found nothing' },
    ])
  })

  test('that finds damage tells what and what to do, and has not passed', async () => {
    const { lines, state, problem, stop } = start(() => Promise.resolve(damage))
    await until(() => lines.length > 0, 'the result')
    expect({ passed: state.passed, problem: problem() }).toEqual({
      ...{ passed: 0, problem: damage.problem },
    })
    expect(lines).toMatchObject([{ level: 'error', message: damage.problem, hint: damage.hint }])
    await stop()
    expect(problem()).toBe(damage.problem)
  })

  test.each([
    ['expected', new DomainError('unavailable', 'exit code 137'), { reason: 'exit code 137' }],
    [
      'unexpected',
      new Error('a bug'),
      { fault: expect.stringContaining('database-check.test.ts') },
    ],
  ])('that can not be done has not passed, and says so: %s', async (_, error, fields) => {
    const { lines, state, problem } = start(() => Promise.reject(error))
    await until(() => lines.length > 0, 'the result')
    expect({ passed: state.passed, problem: problem() }).toEqual({ passed: 0, problem: null })
    expect(lines).toEqual([
      {
        time: expect.any(String),
        level: 'error',
        message: 'the database could not be checked; the next start does that before it answers',
        ...fields,
      },
    ])
  })

  test('ends with the server without a word, and has not passed', async () => {
    const { promise: begun, resolve } = Promise.withResolvers<void>()
    const { lines, state, stop } = start(async (signal) => {
      resolve()
      await new Promise((end) => signal.addEventListener('abort', end))
      throw new DomainError('unavailable', 'exit code 137')
    })
    await begun
    await stop()
    expect({ lines, ...state }).toEqual({ lines: [], passed: 0 })
  })

  test('does not begin in a server that ends before', async () => {
    let isBegun = false
    const { lines, stop } = start(
      async () => {
        isBegun = true
        return null
      },
      (_, signal) =>
        new Promise((_resolve, reject) =>
          signal?.addEventListener('abort', () => reject(signal.reason)),
        ),
    )
    await stop()
    expect({ lines, isBegun }).toEqual({ lines: [], isBegun: false })
  })

  test('begins a second after the start, and is over once the server has stopped', async () => {
    const waits: number[] = []
    const { promise: ended, resolve: end } = Promise.withResolvers<null>()
    const { stop, state } = start(
      () => ended,
      (milliseconds) => Promise.resolve(void waits.push(milliseconds)),
    )
    let isStopped = false
    const stopped = stop().then(() => {
      isStopped = true
    })
    await Bun.sleep(0)
    expect({ waits, isStopped }).toEqual({ waits: [1_000], isStopped: false })
    end(null)
    await stopped
    expect(state.passed).toBe(1)
  })
})

describe('what the child process prints', () => {
  test.each([
    ['{"damage":null}', null],
    [JSON.stringify({ damage }), damage],
  ])('is read: %s', (output, expected) => expect(parseDamage(output)).toEqual(expected))

  test.each(['', 'null', '{}', '[]', '{"damage":7}', '{"damage":{"problem":"x"}}', '{"damage":'])(
    'and is refused if it is anything else: %p',
    async (output) => {
      const error = await captureError((async () => parseDamage(output))())
      expect(error).toMatchObject({ code: 'unavailable' })
    },
  )
})
