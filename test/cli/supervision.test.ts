import { describe, expect, spyOn, test } from 'bun:test'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { shutdownSignals } from '../../cli/signals'
import { supervised } from '../../cli/supervision'
import { systemRuntime } from '../../src/app/runtime'
import { DomainError } from '../../src/domain/errors'
import { captureError } from '../support/capture-error'
import { captureOutput } from '../support/cli'
import { temporaryFolder } from '../support/executable'
import { onPlatform } from '../support/platform'
import { signalsFromNow } from '../support/signals'

const failure = new DomainError('unavailable', 'the disk is away', { hint: 'plug it in' })
const isHandled = (signal: NodeJS.Signals) => process.listenerCount(signal)

/** The folder that systemd gives the service. Its pauses pass at once, and the process gets a signal within each if one is named. */
function createService(duringPause?: 'SIGHUP' | 'SIGINT' | 'SIGTERM') {
  const folder = temporaryFolder()
  const path = join(folder.path, 'snailpass-service')
  mkdirSync(path)
  process.env['RUNTIME_DIRECTORY'] = path
  const signals = signalsFromNow()
  const pauses: number[] = []
  const cutShort: boolean[] = []
  const wait = spyOn(systemRuntime, 'wait').mockImplementation((milliseconds, signal) => {
    pauses.push(milliseconds)
    if (duringPause !== undefined) signals.deliver(duringPause)
    cutShort.push(signal?.aborted === true)
    return signal?.aborted === true ? Promise.reject(signal.reason) : Promise.resolve()
  })
  return {
    ...{ path, pauses, cutShort },
    [Symbol.dispose]() {
      wait.mockRestore()
      delete process.env['RUNTIME_DIRECTORY']
      folder[Symbol.dispose]()
    },
  }
}

const fail = (error: unknown) => captureError(supervised(() => Promise.reject(error)))

describe('the failure of a server', () => {
  test('is thrown at once the first time, and after a pause the next times', async () => {
    using service = createService()
    using output = captureOutput()
    expect(await fail(failure)).toBe(failure)
    expect(output.printed.stderr).toBe('')
    for (const seconds of [2, 4]) {
      output.printed.stderr = ''
      expect(await fail(failure)).toMatchObject({ name: 'ExitError', code: 1 })
      expect(output.printed.stderr).toBe(
        `error: the disk is away\nhint: plug it in\nthe next attempt is in ${seconds} seconds\n`,
      )
    }
    expect(service.pauses).toEqual([2_000, 4_000])
    expect(service.cutShort).toEqual([false, false])
  })

  test('is no failure in a row after a server that ended well', async () => {
    using service = createService()
    using _ = captureOutput()
    await fail(failure)
    await supervised(() => Promise.resolve())
    expect(await fail(failure)).toBe(failure)
    expect(service.pauses).toEqual([])
  })

  test('ends it at once each time if only a person can correct it', async () => {
    using service = createService()
    const invalid = new DomainError('invalid', 'x')
    for (const _ of [1, 2, 3]) expect(await fail(invalid)).toBe(invalid)
    expect(readdirSync(service.path)).toEqual([])
  })

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'is forgotten if %s ends the pause: somebody stops it',
    async (signal) => {
      using service = createService(signal)
      using _ = captureOutput()
      await fail(failure)
      expect(await fail(failure)).toBeNull()
      expect(await fail(failure)).toBe(failure)
      expect([service.pauses, service.cutShort]).toEqual([[2_000], [true]])
    },
  )

  test('is tried again at once if SIGHUP ends the pause', async () => {
    using service = createService('SIGHUP')
    using _ = captureOutput()
    await fail(failure)
    expect(await fail(failure)).toMatchObject({ name: 'ExitError', code: 1 })
    expect([service.pauses, service.cutShort]).toEqual([[2_000], [true]])
    expect(readdirSync(service.path)).toEqual(['failures'])
  })

  test('is thrown at once without a folder of the service', async () => {
    for (const _ of [1, 2]) expect(await fail(failure)).toBe(failure)
  })
})

test('SIGHUP does not end a server, except on Windows, where a console that is closed sends it', async () => {
  for (const platform of ['linux', 'win32'] as const) {
    using _ = onPlatform(platform)
    const before = isHandled('SIGHUP')
    const during = supervised(async () => {
      expect(isHandled('SIGHUP')).toBe(before + (platform === 'win32' ? 0 : 1))
    })
    await during
    expect(isHandled('SIGHUP')).toBe(before)
  }
})

test('nothing listens for a signal any more after a pause', async () => {
  using _service = createService()
  using _ = captureOutput()
  const counts = () => [...shutdownSignals(), 'SIGHUP' as const].map(isHandled)
  const before = counts()
  await fail(failure)
  await fail(failure)
  expect(counts()).toEqual(before)
})
