import { describe, expect, test } from 'bun:test'
import { listReadOnlyMappings, releaseExecutablePages } from '../../src/files/executable-pages'

const path = '/opt/snail pass/snailpass'

/** An entry of /proc/self/smaps, shortened. */
const entry = (range: string, rights: string, file: string, anonymous = 0) =>
  [
    `${range} ${rights} 01838000 fe:00 10059920                   ${file}`,
    'Size:              79916 kB',
    'Rss:               33368 kB',
    `Anonymous:         ${String(anonymous).padStart(5)} kB`,
    'VmFlags: rd ex mr mw me',
    '',
  ].join('\n')

describe('the mappings of code and constants', () => {
  test.each<[string, string, readonly { start: bigint; end: bigint }[]]>([
    [
      'the code',
      entry('01a40000-0684a000', 'r-xp', path),
      [{ start: 0x1a40000n, end: 0x684a000n }],
    ],
    [
      'constants',
      entry('00200000-01a39000', 'r--p', path),
      [{ start: 0x200000n, end: 0x1a39000n }],
    ],
    ['constants that the loader has changed', entry('0685f000-06867000', 'r--p', path, 12), []],
    ['data', entry('0684a000-0685f000', 'rw-p', path), []],
    ['writable code', entry('0684a000-0685f000', 'rwxp', path), []],
    ['code that was changed in memory', entry('01a40000-0684a000', 'r-xp', path, 4), []],
    ['a library', entry('7f0000000000-7f0000001000', 'r-xp', '/lib/libc.so.6'), []],
    ['a replaced file', entry('01a40000-0684a000', 'r-xp', `${path} (deleted)`), []],
    ['memory without a file', entry('7f0000000000-7f0000001000', 'r-xp', ''), []],
    ['nothing', '', []],
  ])('are found in %s only if they can be read again', (_, text, expected) => {
    expect(listReadOnlyMappings(path, () => text)).toEqual(expected)
    const others = entry('00000001-00000002', 'rw-p', '[heap]')
    expect(listReadOnlyMappings(path, () => others + text + others)).toEqual(expected)
  })

  test('are none where the system does not tell', () => {
    expect(listReadOnlyMappings(path, () => null)).toEqual([])
  })
})

test('a process goes on after its code was given back', () => {
  releaseExecutablePages()
  expect(JSON.parse(JSON.stringify({ a: [1, /x/.test('x')] }))).toEqual({ a: [1, true] })
  releaseExecutablePages()
  expect(new Bun.CryptoHasher('sha256').update('x').digest('hex')).toHaveLength(64)
})
