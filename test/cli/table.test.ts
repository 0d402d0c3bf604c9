import { describe, expect, test } from 'bun:test'
import { formatTable, wrap } from '../../cli/table'

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

  test('removes line breaks and control characters from cells', () => {
    expect(formatTable(['A', 'B'], [['x\r\n\u001b[2Jy', 'a\u2028b\tc']], null)).toEqual([
      'A       B',
      'x [2Jy  a b c',
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
