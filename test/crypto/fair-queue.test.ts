import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { createFairQueue, type FairQueue, type Origin } from '../../src/crypto/fair-queue'

function takeAll<T>(queue: FairQueue<T>): T[] {
  return Array.from({ length: queue.size }, () => queue.take()).filter((item) => item !== null)
}

describe('a fair queue', () => {
  test('gives origins turns, by their first name, then by the second, and keeps the order within one', () => {
    const queue = createFairQueue<string>(99)
    for (const item of ['a1', 'a2', 'a3']) queue.add(item, ['attacker', 'a'])
    for (const item of ['b1', 'b2']) queue.add(item, ['attacker', 'b'])
    for (const item of ['o1', 'o2']) queue.add(item, ['owner', 'o'])
    expect(queue.size).toBe(7)
    expect(takeAll(queue)).toEqual(['a1', 'o1', 'b1', 'o2', 'a2', 'b2', 'a3'])
    expect(queue.take()).toBeNull()
    expect(queue.size).toBe(0)
  })

  test('serves who comes last after one item of each other origin, however many these have', () => {
    const queue = createFairQueue<string>(999)
    for (let index = 0; index < 300; index++) queue.add('x', [`origin ${index % 3}`, String(index)])
    expect(queue.countBefore(['owner', 'o'])).toBe(3)
    queue.add('owner', ['owner', 'o'])
    expect([1, 2, 3, 4].map(() => queue.take())).toEqual(['x', 'x', 'x', 'owner'])
  })

  test('that is full has the newest item of the heaviest origin give way, unless the new one is no lighter', () => {
    const queue = createFairQueue<string>(4)
    for (const item of ['a1', 'a2', 'a3']) expect(queue.add(item, ['block a', 'a'])).toBeNull()
    expect(queue.add('c1', ['block a', 'c'])).toBeNull()
    expect(queue.add('a4', ['block a', 'a'])).toBe('a4')
    expect(queue.add('b1', ['block b', 'b'])).toBe('a3')
    expect(queue.add('d1', ['block d', 'd'])).toBe('a2')
    // Two of one block, and one each of two others: nobody has two more than the next.
    expect(queue.add('b2', ['block b', 'b'])).toBe('b2')
    expect(queue.add('e1', ['block e', 'e'])).toBe('c1')
    expect(queue.size).toBe(4)
    expect(takeAll(queue)).toEqual(['a1', 'b1', 'd1', 'e1'])
  })

  test('without places takes nothing', () => {
    const queue = createFairQueue<string>(0)
    expect(queue.add('one', ['a'])).toBe('one')
    expect(queue.size).toBe(0)
  })

  test('removes an item once, and its turn is that of the next', () => {
    const queue = createFairQueue<string>(9)
    for (const item of ['a1', 'a2']) queue.add(item, ['a', '1'])
    queue.add('b1', ['b', '1'])
    expect(queue.remove('a1', ['a', '2'])).toBeFalse()
    expect(queue.remove('a1', ['a', '1'])).toBeTrue()
    expect(queue.remove('a1', ['a', '1'])).toBeFalse()
    expect(queue.remove('c1', ['c', '1'])).toBeFalse()
    expect(queue.size).toBe(2)
    expect(takeAll(queue)).toEqual(['a2', 'b1'])
  })

  test('loses and doubles nothing, is never over its size, and says truly how long the last has to wait', () => {
    const names = fc.constantFrom('a', 'b', 'c')
    const action = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), origin: fc.tuple(names, names) }),
      fc.record({ kind: fc.constantFrom('take' as const, 'remove' as const) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const queue = createFairQueue<{ origin: Origin }>(7)
        const waiting = new Set<{ origin: Origin }>()
        for (const each of actions) {
          if (each.kind === 'add') {
            const item = { origin: each.origin }
            waiting.add(item)
            const surplus = queue.add(item, item.origin)
            if (surplus !== null) expect(waiting.delete(surplus)).toBeTrue()
          } else if (each.kind === 'take') {
            const item = queue.take()
            expect(item === null ? waiting.size === 0 : waiting.delete(item)).toBeTrue()
          } else {
            const [item] = waiting
            if (item === undefined) continue
            expect(queue.remove(item, item.origin)).toBeTrue()
            waiting.delete(item)
          }
          expect(queue.size).toBe(waiting.size)
          expect(queue.size).toBeLessThanOrEqual(7)
        }
        if (queue.size === 7) return
        const last = { origin: ['a', 'b'] }
        const bound = queue.countBefore(last.origin)
        queue.add(last, last.origin)
        expect(takeAll(queue).indexOf(last)).toBeLessThanOrEqual(bound)
      }),
    )
  })
})
