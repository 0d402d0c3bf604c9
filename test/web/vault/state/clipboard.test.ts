import { expect, test } from 'bun:test'
import { createClipboard } from '../../../../src/web/vault/state/clipboard'

const what = { entryId: 'e', part: 'password', label: 'Password of Mail copied' }

function setUp(seconds = 30) {
  const state: { now: number; hasFocus: boolean; isRefusing: boolean; text: string } = {
    ...{ now: 0, hasFocus: true, isRefusing: false, text: 'before' },
  }
  const clipboard = createClipboard({
    port: {
      write: (text) => {
        if (!state.isRefusing) state.text = text
        return state.isRefusing ? Promise.reject(new Error('NotAllowedError')) : Promise.resolve()
      },
      hasFocus: () => state.hasFocus,
    },
    clock: () => state.now,
    secondsToKeep: () => seconds,
  })
  return { state, clipboard }
}

test('counts down by the wall clock, and empties the clipboard at the end', async () => {
  const { state, clipboard } = setUp()
  expect([clipboard.copied.value, clipboard.isRefused.value]).toEqual([null, false])
  expect(await clipboard.copy('s3cret', what)).toBe(true)
  expect(state.text).toBe('s3cret')
  state.now = 6500
  clipboard.tick()
  expect(clipboard.copied.value).toEqual({ ...what, secondsLeft: 24, isOverdue: false })
  state.now = 30_000
  clipboard.tick()
  await Promise.resolve()
  expect([state.text, clipboard.copied.value]).toEqual(['', null])
})

test('keeps a text until its last second is over', async () => {
  const { state, clipboard } = setUp()
  await clipboard.copy('s3cret', what)
  for (const [now, secondsLeft] of [
    [0, 30],
    [1, 30],
    [28_999, 2],
    [29_000, 1],
    [29_999, 1],
  ] as const) {
    state.now = now
    clipboard.tick()
    await Promise.resolve()
    expect([now, clipboard.copied.value]).toEqual([now, { ...what, secondsLeft, isOverdue: false }])
    expect(state.text).toBe('s3cret')
  }
})

test('keeps what is copied while it is being emptied', async () => {
  const { clipboard } = setUp()
  await clipboard.copy('s3cret', what)
  const clearing = clipboard.clear()
  const other = { ...what, part: 'login' }
  await clipboard.copy('marta', other)
  await clearing
  expect(clipboard.copied.value).toEqual({ ...other, secondsLeft: 30, isOverdue: false })
})

test('waits for the focus, which browsers want for it', async () => {
  const { state, clipboard } = setUp()
  await clipboard.copy('s3cret', what)
  Object.assign(state, { hasFocus: false, now: 40_000 })
  clipboard.tick()
  expect(state.text).toBe('s3cret')
  expect(clipboard.copied.value).toEqual({ ...what, secondsLeft: 0, isOverdue: true })
  state.hasFocus = true
  clipboard.tick()
  await Promise.resolve()
  expect([state.text, clipboard.copied.value]).toEqual(['', null])
})

test('goes on after a lock, without a word about what was copied', async () => {
  const { state, clipboard } = setUp()
  await clipboard.copy('s3cret', what)
  clipboard.forgetLabel()
  expect(JSON.stringify(clipboard.copied.value)).not.toContain('Mail')
  state.now = 30_000
  clipboard.tick()
  await Promise.resolve()
  expect(state.text).toBe('')
})

test('says that the clipboard could not be emptied, and that nothing could be copied', async () => {
  const { state, clipboard } = setUp()
  await clipboard.copy('s3cret', what)
  state.isRefusing = true
  expect(clipboard.isRefused.value).toBe(false)
  await clipboard.clear()
  expect(clipboard.copied.value).toEqual({ ...what, secondsLeft: 0, isOverdue: true })
  expect(await clipboard.copy('other', what)).toBe(false)
  expect([state.text, clipboard.isRefused.value]).toEqual(['s3cret', true])
  state.isRefusing = false
  expect(await clipboard.copy('other', what)).toBe(true)
  expect([state.text, clipboard.isRefused.value]).toEqual(['other', false])
  expect(clipboard.copied.value).toEqual({ ...what, secondsLeft: 30, isOverdue: false })
})

test('leaves the clipboard alone if that is wanted', async () => {
  const { state, clipboard } = setUp(0)
  await clipboard.copy('s3cret', what)
  state.now = 3_600_000
  clipboard.tick()
  expect([state.text, clipboard.copied.value?.secondsLeft]).toEqual(['s3cret', null])
})
