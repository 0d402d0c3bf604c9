import { expect, test } from 'bun:test'
import { watchFreeSpace } from '../../src/database/space-watch'

/** Watches a disk whose free space and clock the test sets. */
function watchDisk(free: number | null) {
  const disk = { free, now: 0 }
  const changes: boolean[] = []
  const isLow = watchFreeSpace(
    '/data',
    { minBytes: 100, onChange: (low) => changes.push(low) },
    { monotonicClock: () => disk.now, measure: () => disk.free },
  )
  return { disk, changes, isLow }
}

test('space is low below the limit, and each change is reported once', () => {
  const { disk, changes, isLow } = watchDisk(100)
  expect(isLow()).toBeFalse()
  Object.assign(disk, { free: 99, now: 1_000 })
  expect([isLow(), isLow()]).toEqual([true, true])
  Object.assign(disk, { free: 100, now: 2_000 })
  expect(isLow()).toBeFalse()
  expect(changes).toEqual([true, false])
})

test('unknown free space is enough', () => {
  const { changes, isLow } = watchDisk(null)
  expect(isLow()).toBeFalse()
  expect(changes).toEqual([])
})

test('a measurement is used for a second', () => {
  const { disk, isLow } = watchDisk(100)
  expect(isLow()).toBeFalse()
  Object.assign(disk, { free: 0, now: 999 })
  expect(isLow()).toBeFalse()
  Object.assign(disk, { now: 1_000 })
  expect(isLow()).toBeTrue()
})
