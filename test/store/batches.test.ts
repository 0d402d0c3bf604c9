import { expect, test } from 'bun:test'
import { batchesOf, padded } from '../../src/store/batches'

const listOf = (length: number) => Array.from({ length }, (_, index) => index)

test('batches have all rows in their order, and few lengths', () => {
  const lengths = new Set<number>()
  for (const length of [0, 1, 2, 3, 255, 256, 257, 500, 9_001]) {
    const batches = batchesOf(listOf(length))
    expect(batches.flat()).toEqual(listOf(length))
    for (const batch of batches) lengths.add(batch.length)
  }
  expect([...lengths].sort((a, b) => a - b)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256])
})

test.each([
  [1, 1],
  [2, 2],
  [3, 4],
  [5, 8],
  [256, 256],
  [500, 512],
])('a list of %p values is padded to %p', (length, padding) => {
  const values = padded(listOf(length))
  expect(values).toHaveLength(padding)
  expect(values.slice(0, length)).toEqual(listOf(length))
  expect(new Set(values).size).toBe(length)
})
