import { expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import {
  formatCount,
  formatDate,
  formatDuration,
  formatTime,
  isStorable,
  sanitizeLine,
  shellQuote,
} from '../../src/domain/text'

test.each([
  ['over two\r\nlines', 'over two lines'],
  ['a tab\tand a NUL\0', 'a tab and a NUL '],
  ['\u001b[31mred', ' [31mred'],
  ['moc.\u202eelpmaxe', 'moc. elpmaxe'],
  ['a\u2028b\u2029c', 'a b c'],
  // An emoji of several code points stays whole.
  ['👩‍👩‍👧 ok', '👩‍👩‍👧 ok'],
])('%j in one line is %j', (text, expected) => {
  expect(sanitizeLine(text)).toBe(expected)
})

test.each([
  ['/srv/a-b_c.db', '/srv/a-b_c.db'],
  ['/srv/my data', "'/srv/my data'"],
  ["/it's $HOME; `rm` \\ *", "'/it'\\''s $HOME; `rm` \\ *'"],
  ['', "''"],
])('%j for a shell is %s', (word, quoted) => {
  expect(shellQuote(word)).toBe(quoted)
  if (process.platform !== 'win32')
    expect(execFileSync('sh', ['-c', `printf %s ${quoted}`], { encoding: 'utf8' })).toBe(word)
})

test('a text that is cut stays well-formed', () => {
  expect(sanitizeLine('abcdef', 3)).toBe('abc')
  expect(sanitizeLine('ab👧', 3).isWellFormed()).toBeTrue()
})

test('a text that is not cut is as long as it was', () => {
  expect(sanitizeLine('abc', 3)).toBe('abc')
  expect(sanitizeLine('a'.repeat(10_000))).toBe('a'.repeat(10_000))
})

test('a text can be stored without NUL and half surrogate pairs only', () => {
  expect(['', 'é🐌\n', 'a\0', '\ud83d', '\udc0c:'].map(isStorable)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
})

test('a count has its noun in singular or plural', () => {
  expect([0, 1, 2].map((count) => formatCount(count, 'row'))).toEqual(['0 rows', '1 row', '2 rows'])
  expect([1, 2].map((count) => formatCount(count, 'entry', 'entries'))).toEqual([
    '1 entry',
    '2 entries',
  ])
})

test('a duration is in seconds, and in minutes from 90 seconds on, rounded up', () => {
  expect([0, 1, 89, 90, 120, 121, 3_600].map(formatDuration)).toEqual([
    '0 seconds',
    '1 second',
    '89 seconds',
    '2 minutes',
    '2 minutes',
    '3 minutes',
    '60 minutes',
  ])
})

test('a time is shown in UTC, by its day or to the minute', () => {
  const time = Date.UTC(2026, 10, 25, 23, 59, 59, 999)
  expect(formatDate(time)).toBe('2026-11-25')
  expect(formatTime(time)).toBe('2026-11-25 23:59 UTC')
})
