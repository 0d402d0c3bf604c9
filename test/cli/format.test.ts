import { expect, test } from 'bun:test'
import {
  formatBytes,
  formatCell,
  formatFields,
  formatJsonTime,
  formatTimestamp,
  formatYesNo,
} from '../../cli/format'

const time = Date.UTC(2026, 10, 25, 16, 31, 5, 123)

test('times are ISO 8601 in UTC, with milliseconds in JSON and without in lists', () => {
  expect(formatJsonTime(time)).toBe('2026-11-25T16:31:05.123Z')
  expect(formatTimestamp(time)).toBe('2026-11-25T16:31:05Z')
})

test.each([8.64e15, -8.64e15])('%p, the last time there is, is printed as one', (number) => {
  expect(formatJsonTime(number)).toBe(new Date(number).toISOString())
})

test.each([8.64e15 + 1, -8.64e15 - 1])('%p, which is no time, is printed in digits', (number) => {
  expect(formatJsonTime(number)).toBe(String(number))
  expect(formatTimestamp(number)).toBe(String(number))
})

test('labels are padded to the longest one', () => {
  expect(
    formatFields([
      ['ready', formatYesNo(true)],
      ['version', formatYesNo(false)],
    ]),
  ).toEqual(['ready    yes', 'version  no'])
  expect(formatFields([])).toEqual([])
})

test('an empty cell of a table is a dash', () => {
  expect([null, '', 0].map(formatCell)).toEqual(['-', '', '0'])
})

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [999, '999 bytes'],
  [1_000, '1.0 KB'],
  [999_949, '999.9 KB'],
  [999_950, '1.0 MB'],
  [32_000_000, '32.0 MB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})
