import { describe, expect, test } from 'bun:test'
import { formatRows, formatTable, wrap } from '../../cli/table'

describe('a table', () => {
  test('has columns that are as wide as their content', () => {
    const rows = [
      ['alice@nas.local', '3', 'yes'],
      ['bob@nas.local', '1200', ''],
    ]
    expect(formatTable(['EMAIL', 'RECORDS', 'CONFIRMED'], rows, null)).toEqual([
      'EMAIL            RECORDS  CONFIRMED',
      'alice@nas.local  3        yes',
      'bob@nas.local    1200',
    ])
  })

  test('counts wide characters as two columns, and combining ones as none', () => {
    const rows = [
      ['日本', 'x'],
      ['e\u0301', 'x'],
      ['👩‍👩‍👧', 'x'],
    ]
    expect(formatTable(['A', 'B'], rows, null)).toEqual([
      'A     B',
      '日本  x',
      'e\u0301     x',
      '👩‍👩‍👧    x',
    ])
  })

  test('escapes line breaks and control characters in cells, which are then as wide as they look', () => {
    expect(formatTable(['A', 'B'], [['x\r\n\u001b[2Jy', 'a\u2028b\tc']], null)).toEqual([
      'A                B',
      'x\\r\\n\\u{1b}[2Jy  a\\u{2028}b\\tc',
    ])
  })

  test('wraps its last column at spaces to fit a terminal, and cuts nothing off', () => {
    const rows = [['name', 'one two three four averylongwordthatfitsnowhere five']]
    expect(formatTable(['A', 'B'], rows, 22)).toEqual([
      'A     B',
      'name  one two three',
      '      four',
      '      averylongwordthatfitsnowhere',
      '      five',
    ])
  })

  test('has one line for each row in a pipe, or if its last column would be too narrow', () => {
    const long = 'word '.repeat(100).trim()
    expect(formatTable(['A', 'B'], [['name', long]], null)[1]).toBe(`name  ${long}`)
    expect(formatTable(['A', 'B'], [['name', long]], 10)[1]).toBe(`name  ${long}`)
  })

  test('without rows is just its header', () => {
    expect(formatTable(['A', 'B'], [], null)).toEqual(['A  B'])
  })
})

test('a text that fits is not wrapped', () => {
  expect(wrap('a text that fits', 16)).toEqual(['a text that fits'])
  expect(wrap('', 16)).toEqual([''])
})

test('a column is wrapped if it has at least 16 columns, each line as long as fits', () => {
  const text = 'one two three four five'
  expect(wrap(text, 15)).toEqual([text])
  expect(wrap(text, 16)).toEqual(['one two three', 'four five'])
  expect(wrap(text, 17)).toEqual(['one two three', 'four five'])
  expect(wrap(text, 18)).toEqual(['one two three four', 'five'])
  expect(wrap(text, 22)).toEqual(['one two three four', 'five'])
  expect(wrap(text, 23)).toEqual([text])
  expect(wrap('日本日本日本日本 x', 17)).toEqual(['日本日本日本日本', 'x'])
  expect(wrap('日本日本日本日本 x', 18)).toEqual(['日本日本日本日本 x'])
})

test('a table is as wide as the terminal, by default', () => {
  const { columns } = process.stdout
  const rows = [['name', 'one two three four five']]
  try {
    process.stdout.columns = 24
    expect(formatTable(['A', 'B'], rows)).toEqual([
      'A     B',
      'name  one two three four',
      '      five',
    ])
    // The last column would have 15 columns.
    process.stdout.columns = 21
    expect(formatTable(['A', 'B'], rows)).toEqual(['A     B', 'name  one two three four five'])
  } finally {
    process.stdout.columns = columns
  }
})

test('a column without any text is as narrow as can be', () => {
  expect(
    formatRows(
      [
        ['', 'x'],
        ['', 'y'],
      ],
      null,
    ),
  ).toEqual([['  x'], ['  y']])
})
