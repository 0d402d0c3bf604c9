import { describe, expect, test } from 'bun:test'
import { faultsOf } from '../../scripts/faults'

/** The faults of a text, each as its kind and the line that it makes. */
function changesOf(text: string): readonly string[] {
  return faultsOf(text).map(({ kind, after }) => `${kind}: ${after.trim()}`)
}

describe('the faults of a line', () => {
  test.each<[string, readonly string[]]>([
    ['  if (isOpen(a)) close(a)', ['negated condition: if (!(isOpen(a))) close(a)']],
    [
      '  if (left <= 0) return null',
      [
        'negated condition: if (!(left <= 0)) return null',
        'other operator or edge of a bound: if (left < 0) return null',
        'wrong number or unit: if (left <= 1) return null',
        'missing branch: ',
      ],
    ],
    [
      'const hour = 60 * 60_000',
      [
        'other operator or edge of a bound: const hour = 60 / 60_000',
        'wrong number or unit: const hour = 61 * 60_000',
        'wrong number or unit: const hour = 60 * 60',
      ],
    ],
    ["    .where('user_id', '=', owner)", ['dropped where: ']],
    [
      '  await rename(from, to)',
      [
        'removed await: rename(from, to)',
        'swapped arguments: await rename(to, from)',
        'missing statement: ',
      ],
    ],
    ["  const port = text ?? 'none'", ['other default: const port = text']],
  ])('%s', (line, expected) => {
    expect(changesOf(line)).toEqual(expected)
  })

  test.each([
    '// if (a < b) return 5',
    ' * at least 5 < 6',
    "import { a, b } from './c'",
    "  throw new Error('a < b && c')",
    '  readonly isOpen?: true',
    '',
  ])('none for %p', (line) => {
    const text = line.startsWith(' *') ? `/**\n${line}\n */` : line
    expect(changesOf(text)).toEqual([])
  })

  test.each<[string, boolean]>([
    ['async function f() {\n  return await a()\n}', false],
    ['async function f() {\n  if (b) {\n    return await a()\n  }\n}', false],
    ['async function f() {\n  try {\n    return await a()\n  } finally {\n    c()\n  }\n}', true],
    [
      'async function f() {\n  try {\n    if (b) {\n      return await a()\n    }\n  } catch {}\n}',
      true,
    ],
    ['async function f() {\n  using b = c()\n  return await a()\n}', true],
    ['async function f() {\n  await using b = c()\n  if (b) {\n    return await a()\n  }\n}', true],
    [
      'async function g() {\n  using b = c()\n  run(async () => {\n    return await a()\n  })\n}',
      false,
    ],
    ['async function f() {\n  await a()\n}', true],
  ])('a removed await where it changes something: %j', (text, isFault) => {
    const found = faultsOf(text).filter(({ after }) => /(?:return|^) +a\(\)/.test(after))
    expect(found.map(({ kind }) => kind)).toEqual(isFault ? ['removed await'] : [])
  })

  test('none in types, and again behind them', () => {
    const text = 'interface A {\n  readonly b: 1 | 2\n}\n\nconst c = true\n'
    expect(changesOf(text)).toEqual(['wrong constant: const c = false'])
  })

  test('the order of two statements', () => {
    const [, , fault] = faultsOf('  write(a)\n  sync(b)\n')
    expect(faultsOf('  write(a)\n  sync(b)\n').map(({ kind }) => kind)).toEqual([
      'missing statement',
      'changed order',
      'missing statement',
    ])
    expect(fault?.text).toBe('  write(a)\n\n')
  })
})
