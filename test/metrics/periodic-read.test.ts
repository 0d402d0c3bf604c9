import { describe, expect, test } from 'bun:test'
import { DomainError } from '../../src/domain/errors'
import { createPeriodicRead } from '../../src/metrics/periodic-read'
import { captureError } from '../support/capture-error'
import { manualTiming } from '../support/timing'

/** A value that is the number of reads so far. A test can let reads fail or hang. */
function createTestRead() {
  const timing = manualTiming()
  const state = { reads: 0, fault: null as Error | 'hangs' | null }
  const { get } = createPeriodicRead(timing, () => {
    state.reads++
    if (state.fault === 'hangs') return new Promise<number>(() => {})
    return state.fault === null ? Promise.resolve(state.reads) : Promise.reject(state.fault)
  })
  return { ...timing, state, get }
}

describe('a value that is read at most once a minute', () => {
  test('is read when it is asked for, and again after a minute', async () => {
    const { get, state, advance } = createTestRead()
    await advance(600_000)
    expect(state.reads).toBe(0)
    expect([await get(), await get()]).toEqual([1, 1])
    await advance(59_999)
    expect(await get()).toBe(1)
    await advance(1)
    expect(await get()).toBe(2)
  })

  test('is read once for those who ask at the same time', async () => {
    const { get, state } = createTestRead()
    expect(await Promise.all([get(), get(), get()])).toEqual([1, 1, 1])
    expect(state.reads).toBe(1)
  })

  test('is the last one for five minutes while reads fail, then their error', async () => {
    const { get, state, advance } = createTestRead()
    await get()
    state.fault = new DomainError('unavailable', 'the database is away')
    await advance(299_999)
    expect(await get()).toBe(1)
    await advance(1)
    expect(await captureError(get())).toBe(state.fault)
    // Without a value, each call tries again.
    state.fault = null
    expect(await get()).toBe(4)
  })

  test('keeps nobody waiting for more than a second while a read hangs, and starts no second one', async () => {
    const { get, state, advance } = createTestRead()
    state.fault = 'hangs'
    for (let call = 0; call < 3; call++) {
      const late = captureError(get())
      await advance(1_000)
      expect(await late).toMatchObject({ code: 'unavailable' })
    }
    expect(state.reads).toBe(1)
  })
})
