import { describe, expect, test } from 'bun:test'
import { createAnswerCache } from '../../src/domain/answer-cache'
import { manualTiming } from '../support/timing'

/** Bytes that each answer takes besides its text. */
const overhead = 512

const answerOf = (length: number, text = 'x') => new Blob([text.repeat(length)])

function createCache(maxBytes = 1_000_000) {
  const timing = manualTiming()
  return { cache: createAnswerCache({ maxBytes, ...timing }), timing }
}

describe('the cache of answers', () => {
  test('finds an answer for its account, its state and its resource, and nothing for any other', async () => {
    const { cache } = createCache()
    cache.keep({ id: 'a', revision: 1 }, '/records', answerOf(3))
    cache.keep({ id: 'a', revision: 1 }, '/notes', answerOf(3, 'n'))
    cache.keep({ id: 'b', revision: 1 }, '/records', answerOf(3, 'b'))
    const find = async (id: string, revision: number, resource: string) =>
      (await cache.find({ id, revision }, resource)?.text()) ?? null
    expect(await find('a', 1, '/records')).toBe('xxx')
    expect(await find('a', 1, '/notes')).toBe('nnn')
    expect(await find('b', 1, '/records')).toBe('bbb')
    expect(await find('c', 1, '/records')).toBeNull()
    expect(await find('a', 1, '/users')).toBeNull()
    expect(await find('b', 0, '/records')).toBeNull()
    expect(await find('b', 1, '/records')).toBeNull()
    expect(await find('a', 2, '/records')).toBeNull()
    expect(cache.bytes).toBe(0)
  })

  test('replaces an answer, and those of another state', () => {
    const { cache } = createCache()
    cache.keep({ id: 'a', revision: 1 }, '/records', answerOf(100))
    cache.keep({ id: 'a', revision: 1 }, '/records', answerOf(50))
    expect(cache.bytes).toBe(overhead + 50)
    cache.keep({ id: 'a', revision: 2 }, '/notes', answerOf(10))
    expect(cache.bytes).toBe(overhead + 10)
    expect(cache.find({ id: 'a', revision: 2 }, '/records')).toBeNull()
  })

  test('forgets what was used longest ago, and keeps within its bytes', () => {
    const size = overhead + 1_000
    const { cache } = createCache(4 * size)
    const owner = (id: string) => ({ id, revision: 1 })
    for (const id of ['a', 'b', 'c', 'd']) cache.keep(owner(id), '/records', answerOf(1_000))
    expect(cache.bytes).toBe(4 * size)
    expect(cache.find(owner('a'), '/records')).not.toBeNull()
    cache.keep(owner('e'), '/records', answerOf(1_000))
    const kept = ['a', 'b', 'c', 'd', 'e'].filter(
      (id) => cache.find(owner(id), '/records') !== null,
    )
    expect(kept).toEqual(['a', 'c', 'd', 'e'])
    expect(cache.bytes).toBe(4 * size)
  })

  test('gives one account a quarter, of which its latest answers are kept', () => {
    const size = overhead + 1_000
    const { cache } = createCache(8 * size)
    const owner = { id: 'a', revision: 1 }
    cache.keep({ id: 'b', revision: 1 }, '/records', answerOf(1_000))
    for (const resource of ['1', '2', '3']) cache.keep(owner, resource, answerOf(1_000))
    expect(cache.bytes).toBe(3 * size)
    expect(['1', '2', '3'].map((resource) => cache.find(owner, resource) !== null)).toEqual([
      ...[false, true, true],
    ])
    expect(cache.find({ id: 'b', revision: 1 }, '/records')).not.toBeNull()
    cache.keep(owner, 'large', answerOf(2 * size))
    expect(cache.find(owner, 'large')).toBeNull()
    expect(cache.bytes).toBe(3 * size)
  })

  test('keeps nothing without memory', () => {
    const { cache } = createCache(0)
    cache.keep({ id: 'a', revision: 1 }, '/records', answerOf(0))
    expect(cache.bytes).toBe(0)
  })

  test('frees what others need, of the accounts that asked longest ago', () => {
    const size = overhead + 1_000
    const { cache } = createCache(100 * size)
    for (const id of ['a', 'b', 'c']) cache.keep({ id, revision: 1 }, 'r', answerOf(1_000))
    cache.shrink(-5)
    cache.shrink(0)
    expect(cache.bytes).toBe(3 * size)
    cache.shrink(size + 1)
    expect(cache.bytes).toBe(size)
    expect(cache.find({ id: 'c', revision: 1 }, 'r')).not.toBeNull()
    cache.shrink(1e9)
    expect(cache.bytes).toBe(0)
  })

  test('forgets an account, and what nobody has used for five minutes', async () => {
    const { cache, timing } = createCache()
    for (const id of ['a', 'b', 'c']) cache.keep({ id, revision: 1 }, 'r', answerOf(8))
    cache.forget('b')
    cache.forget('nobody')
    expect(cache.bytes).toBe(2 * (overhead + 8))
    await timing.advance(299_999)
    cache.find({ id: 'a', revision: 1 }, 'r')
    cache.forgetUnused()
    expect(cache.bytes).toBe(2 * (overhead + 8))
    await timing.advance(1)
    cache.forgetUnused()
    expect(cache.bytes).toBe(overhead + 8)
    expect(cache.find({ id: 'a', revision: 1 }, 'r')).not.toBeNull()
  })
})
