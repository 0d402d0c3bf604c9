import { afterEach, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findStartAttempts, type StartAttempts } from '../../src/app/start-attempts'
import { temporaryFolder } from '../support/executable'

afterEach(() => {
  delete process.env['RUNTIME_DIRECTORY']
})

/** Starts that systemd makes one after the other: each is another process. */
function service() {
  const folder = temporaryFolder()
  const path = join(folder.path, 'snailpass-service')
  mkdirSync(path)
  process.env['RUNTIME_DIRECTORY'] = `/run/of-a-drop-in:${path}`
  let now = 0
  return {
    path,
    start(): StartAttempts {
      const attempts = findStartAttempts({ monotonicClock: () => now })
      if (attempts === null) throw new Error('the folder was not found')
      return attempts
    },
    pass: (milliseconds: number) => {
      now += milliseconds
    },
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

test('the first failure ends the process at once, and each further one later, up to five minutes', () => {
  using it = service()
  const seconds = Array.from({ length: 12 }, () => it.start().failed() / 1000)
  expect(seconds).toEqual([0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
})

test('a server that has worked for a minute fails for the first time again', () => {
  using it = service()
  const fail = (milliseconds: number) => {
    const attempts = it.start()
    attempts.ready()
    it.pass(milliseconds)
    return attempts.failed()
  }
  expect([fail(0), fail(1), fail(59_999), fail(60_000), fail(0)]).toEqual([
    0, 2_000, 4_000, 0, 2_000,
  ])
})

test('a stop forgets the failures', () => {
  using it = service()
  it.start().failed()
  it.start().failed()
  it.start().reset()
  expect(readdirSync(it.path)).toEqual([])
  expect(it.start().failed()).toBe(0)
  it.start().reset()
  it.start().reset()
})

test.each(['', '-1', '1e9', 'x', '9'.repeat(20)])('what is no count is none: %p', (text) => {
  using it = service()
  writeFileSync(join(it.path, 'failures'), text)
  expect(it.start().failed()).toBe(0)
})

test('without its folder every failure is the first one', () => {
  using folder = temporaryFolder()
  process.env['RUNTIME_DIRECTORY'] = join(folder.path, 'snailpass-service')
  const attempts = findStartAttempts({ monotonicClock: () => 0 })
  expect([attempts?.failed(), attempts?.failed()]).toEqual([0, 0])
  attempts?.reset()
  expect(existsSync(join(folder.path, 'snailpass-service'))).toBeFalse()
})

test.each([[undefined], [''], ['/run/snailpass'], ['/run/snailpass-service/below']])(
  'a service that was set up in another way does not wait: RUNTIME_DIRECTORY=%p',
  (value) => {
    if (value !== undefined) process.env['RUNTIME_DIRECTORY'] = value
    expect(findStartAttempts({ monotonicClock: () => 0 })).toBeNull()
  },
)
