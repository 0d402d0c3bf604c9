import { describe, expect, test } from 'bun:test'
import { type Column, layOutTable, wrap } from '../../cli/table'

/** Returns the lines of a table of texts, the last column wrapped. */
function formatTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | null,
): readonly string[] {
  const columns = titles.map((title, index): Column<readonly string[]> => {
    const column = { title, cell: (row: readonly string[]) => row[index] ?? '' }
    return index === titles.length - 1 ? { ...column, wraps: true } : column
  })
  const { header, rows: lines } = layOutTable(columns, rows, width)
  return [...header, ...lines.flat()]
}

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

test('a command in backquotes is not wrapped, since people copy it', () => {
  const text = 'restore the newest backup: `snailpass restore /srv/backup.sqlite`; check the disk'
  expect(wrap(text, 30)).toEqual([
    'restore the newest backup:',
    '`snailpass restore /srv/backup.sqlite`;',
    'check the disk',
  ])
  const lines = wrap('a lone ` does not keep the words of a long text together', 30)
  expect(lines).toEqual(['a lone ` does not keep the', 'words of a long text together'])
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

test('a column without any text is as narrow as can be', () => {
  const rows = [
    ['', 'x'],
    ['', 'y'],
  ]
  expect(formatTable(['', ''], rows, null)).toEqual(['', '  x', '  y'])
})

describe('a table that is too wide for the terminal', () => {
  interface Account {
    readonly email: string
    readonly notes: string
    readonly id: string
  }
  const columns: readonly Column<Account>[] = [
    { title: 'EMAIL', cell: ({ email }) => email },
    { title: 'NOTES', cell: ({ notes }) => notes, leaves: 2 },
    { title: 'STATE', cell: () => 'active' },
    { title: 'ID', cell: ({ id }) => id, leaves: 1 },
  ]
  const anna: Account = { email: 'anna@nas.local', notes: '12', id: '0123456789' }

  test('loses columns in the order of their numbers, and no more than it must', () => {
    const leftOutAt = (width: number | null) => layOutTable(columns, [anna], width).leftOut
    expect(leftOutAt(null)).toEqual([])
    // 14 + 5 + 6 + 10, and three gaps.
    expect(leftOutAt(41)).toEqual([])
    expect(leftOutAt(40)).toEqual(['ID'])
    expect(leftOutAt(29)).toEqual(['ID'])
    expect(leftOutAt(28)).toEqual(['NOTES', 'ID'])
    expect(leftOutAt(1)).toEqual(['NOTES', 'ID'])
    expect(layOutTable(columns, [anna], 28)).toMatchObject({
      header: ['EMAIL           STATE'],
      rows: [['anna@nas.local  active']],
    })
  })

  test('is measured in columns of the terminal: a wide character takes two', () => {
    const wide = { ...anna, email: '日本日本日本日' }
    const joined = { ...anna, email: '👩‍👩‍👧'.repeat(7) }
    for (const account of [wide, joined]) {
      expect(layOutTable(columns, [account], 41).leftOut).toEqual([])
      expect(layOutTable(columns, [account], 40).leftOut).toEqual(['ID'])
    }
  })

  test('keeps a less important column where a more important one is too wide', () => {
    const wide: Column<Account> = { title: 'NAME', cell: () => 'x'.repeat(20), leaves: 3 }
    expect(layOutTable([...columns, wide], [anna], 41).leftOut).toEqual(['NAME'])
    expect(layOutTable([...columns, wide], [anna], 44).leftOut).toEqual(['NOTES', 'ID'])
  })

  test('gives a wrapped text 24 columns before others go, if it has that many', () => {
    const withReason = (reason: string): readonly Column<Account>[] => [
      ...columns.slice(0, 3),
      { title: 'REASON', cell: () => reason, wraps: true },
    ]
    const long = withReason('one two three four five six seven')
    // 14 + 5 + 6 + 24, and three gaps.
    expect(layOutTable(long, [anna], 55).rows).toEqual([
      [
        'anna@nas.local  12     active  one two three four five',
        '                               six seven',
      ],
    ])
    expect(layOutTable(long, [anna], 54).leftOut).toEqual(['NOTES'])
    expect(layOutTable(withReason('short'), [anna], 37).leftOut).toEqual([])
  })

  test('goes on in the next line behind a cell that does not fit even so, and cuts nothing off', () => {
    const long = { ...anna, email: 'a.rather.long.address@mail.example.org' }
    expect(layOutTable(columns, [anna, long, anna], 30)).toEqual({
      header: ['EMAIL                   STATE'],
      rows: [
        ['anna@nas.local          active'],
        [long.email, '                        active'],
        ['anna@nas.local          active'],
      ],
      leftOut: ['NOTES', 'ID'],
    })
    // Nothing follows in these rows, and so they have one line.
    const pair: readonly Column<Account>[] = [
      { title: 'EMAIL', cell: ({ email }) => email },
      { title: 'NOTE', cell: () => '', wraps: true },
    ]
    expect(layOutTable(pair, [long], 20).rows).toEqual([[long.email]])
  })

  test('keeps the least width of a column', () => {
    const aligned: readonly Column<Account>[] = [
      { title: 'EMAIL', cell: ({ email }) => email, minWidth: 20 },
      { title: 'ID', cell: ({ id }) => id, leaves: 1 },
    ]
    expect(layOutTable(aligned, [anna], 32).rows).toEqual([['anna@nas.local        0123456789']])
    expect(layOutTable(aligned, [anna], 31).leftOut).toEqual(['ID'])
  })

  test('can have any number of rows', () => {
    const rows = Array.from({ length: 200_000 }, () => anna)
    expect(layOutTable(columns, rows, 28).rows).toHaveLength(200_000)
  })
})
