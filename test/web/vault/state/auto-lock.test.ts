import { expect, test } from 'bun:test'
import { createAutoLock, type TabMessage } from '../../../../src/web/vault/state/auto-lock'

function setUp(options: { lockWhenHidden?: boolean } = {}) {
  const state = { now: 0, isOpen: true, locks: [''], told: [] as TabMessage[] }
  state.locks = []
  const autoLock = createAutoLock({
    clock: () => state.now,
    lockMinutes: () => 10,
    lockWhenHidden: () => options.lockWhenHidden ?? false,
    isOpen: () => state.isOpen,
    lock: (reason) => {
      state.locks.push(reason)
      state.isOpen = false
    },
    tell: (message) => state.told.push(message),
  })
  return { state, autoLock }
}

const minutes = (count: number) => count * 60_000

test('locks after ten minutes without use, and tells the other tabs', () => {
  const { state, autoLock } = setUp()
  state.now = minutes(10) - 1
  autoLock.tick()
  expect(state.locks).toEqual([])
  state.now = minutes(10)
  autoLock.tick()
  autoLock.tick()
  expect(state.locks).toEqual(['idle'])
  expect(state.told).toEqual([{ kind: 'lock', reason: 'idle' }])
})

test('goes on while somebody does something, here or in another tab', () => {
  const { state, autoLock } = setUp()
  for (const [at, act] of [
    [9, () => autoLock.noteActivity()],
    [18, () => autoLock.receive({ kind: 'active' })],
    [27, () => autoLock.tick()],
  ] as const) {
    state.now = minutes(at)
    act()
  }
  expect(state.locks).toEqual([])
  state.now = minutes(28)
  autoLock.tick()
  expect(state.locks).toEqual(['idle'])
})

test('locks when a computer wakes up, though the first key comes before any timer', () => {
  const { state, autoLock } = setUp()
  state.now = minutes(600)
  autoLock.noteActivity()
  expect(state.locks).toEqual(['idle'])
})

test('tells of activity now and then, not with each key', () => {
  const { state, autoLock } = setUp()
  for (let key = 0; key < 100; key++) {
    state.now = 10_000 + key * 100
    autoLock.noteActivity()
  }
  expect(state.told).toEqual([{ kind: 'active' }, { kind: 'active' }])
})

test('tells of activity again after five seconds, and not before', () => {
  const { state, autoLock } = setUp()
  const toldAt: number[] = []
  for (const now of [4999, 5000, 9999, 10_000, 14_999]) {
    state.now = now
    autoLock.noteActivity()
    if (state.told.length > toldAt.length) toldAt.push(now)
  }
  expect(toldAt).toEqual([5000, 10_000])
})

test('counts from what was done before a vault was open, and tells nothing of an end that was none', () => {
  const { state, autoLock } = setUp()
  state.isOpen = false
  state.now = minutes(30)
  autoLock.tick()
  autoLock.noteActivity()
  expect([state.locks, state.told]).toEqual([[], [{ kind: 'active' }]])
  state.isOpen = true
  state.now = minutes(40) - 1
  autoLock.tick()
  expect(state.locks).toEqual([])
})

test('takes no key for activity that comes after the time is over', () => {
  const { state, autoLock } = setUp()
  state.now = minutes(10)
  autoLock.noteActivity()
  expect(state.told).toEqual([{ kind: 'lock', reason: 'idle' }])
})

test('says why another tab locked, if it was for the time', () => {
  for (const [message, reason] of [
    [{ kind: 'lock', reason: 'idle' }, 'idle'],
    [{ kind: 'lock', reason: 'hidden' }, 'elsewhere'],
    [{ kind: 'lock' }, 'elsewhere'],
  ] as const) {
    const { state, autoLock } = setUp()
    autoLock.receive(message)
    autoLock.receive(message)
    expect([state.locks, state.told]).toEqual([[reason], []])
  }
})

test('locks with the other tabs, and takes no other message for one of theirs', () => {
  const { state, autoLock } = setUp()
  for (const message of [null, 'lock', { kind: 'unlock' }, {}]) autoLock.receive(message)
  expect(state.locks).toEqual([])
  autoLock.receive({ kind: 'lock', reason: 'elsewhere' })
  expect(state.locks).toEqual(['elsewhere'])
})

test('locks a hidden page only if that is wanted', () => {
  const usual = setUp()
  usual.autoLock.noteHidden()
  expect(usual.state.locks).toEqual([])
  const strict = setUp({ lockWhenHidden: true })
  strict.autoLock.noteHidden()
  expect(strict.state.locks).toEqual(['hidden'])
})
