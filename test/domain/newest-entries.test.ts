import { expect, test } from 'bun:test'
import { setNewest } from '../../src/domain/newest-entries'

test('a map keeps its newest entries, and one that is set again is among them', () => {
  const map = new Map<string, number>()
  const set = (key: string, value: number) => setNewest(map, { key, value, max: 2 })
  set('a', 1)
  set('b', 2)
  expect([...map]).toEqual([
    ['a', 1],
    ['b', 2],
  ])
  set('a', 3)
  set('c', 4)
  expect([...map]).toEqual([
    ['a', 3],
    ['c', 4],
  ])
})

test('a map that keeps nothing stays empty', () => {
  const map = new Map<string, number>()
  setNewest(map, { key: 'a', value: 1, max: 0 })
  expect(map.size).toBe(0)
})
