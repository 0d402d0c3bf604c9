import { describe, expect, test } from 'bun:test'
import { startAnswerCache } from '../../../src/app/server/answer-cache'
import type { Wait } from '../../../src/domain/runtime'
import { createLog } from '../../../src/log'
import { manualTiming } from '../../support/timing'

const owner = { id: 'u', revision: 1 }

function start(listCache: number, memory: number | null) {
  const timing = manualTiming()
  const waits: number[] = []
  const wait: Wait = (milliseconds, signal) => {
    waits.push(milliseconds)
    return timing.wait(milliseconds, signal)
  }
  const runtime = { ...timing, wait }
  const log = createLog('text', timing.clock, () => {})
  const settings = { listCache }
  return { ...startAnswerCache({ settings, runtime, log, memory: () => memory }), timing, waits }
}

describe('the memory for answers', () => {
  // An account may take a quarter of it, and each answer takes 512 bytes besides its text.
  test.each([
    ['that of the settings', 40_000, 320_001],
    ['that of the settings, if the memory is unknown', 40_000, null],
    ['an eighth of what the machine has, if that is less', 80_000, 320_000],
  ])('is %s', async (_name, listCache, memory) => {
    const { cache, loop } = start(listCache, memory)
    for (const [resource, bytes, isKept] of [
      ['large', 9_489, false],
      ['small', 9_488, true],
    ] as const) {
      cache.keep(owner, resource, new Blob(['x'.repeat(bytes)]))
      expect(cache.find(owner, resource) !== null, resource).toBe(isKept)
    }
    await loop.stop(0)
  })

  test('is freed within a minute from answers that nobody has asked for in five', async () => {
    const { cache, loop, timing, waits } = start(40_000, null)
    await timing.advance(30_000)
    cache.keep(owner, 'list', new Blob(['x']))
    await timing.advance(299_999)
    expect(cache.bytes).toBeGreaterThan(0)
    await timing.advance(60_000)
    expect(cache.bytes).toBe(0)
    expect(new Set(waits)).toEqual(new Set([60_000]))
    await loop.stop(0)
  })
})
