import { describe, expect, test } from 'bun:test'
import { parseSource } from '../../scripts/source-files'
import { findProbes, opensBrowser } from '../../scripts/test-reach'

/** Returns where probes for a line of `src/a.ts` go, each as its file and the line that it follows. */
function probesOf(files: Readonly<Record<string, string>>, line: number): readonly string[] {
  const texts = new Map(Object.entries(files))
  const sources = new Map([...texts].map(([path, text]) => [path, parseSource(text)]))
  return findProbes(texts, sources, { path: 'src/a.ts', line }).map(
    ({ path, line: after }) => `${path} ${(texts.get(path) ?? '').split('\n')[after - 1]?.trim()}`,
  )
}

describe('the probes of a line', () => {
  test.each<[string, string]>([
    ['export function a(): void {\n  b(1)\n}\n', 'export function a(): void {'],
    ['function a(\n  b: number,\n): { c: 1 } {\n  d(1)\n}\n', '): { c: 1 } {'],
    ['const a = () => {\n  if (b) {\n    c(1)\n  }\n}\n', 'if (b) {'],
    ['function a() {\n  const b = {\n    c: d(1),\n  }\n}\n', 'function a() {'],
    ["function a() {\n  switch (b) {\n    case 'c':\n      d(1)\n  }\n}\n", 'function a() {'],
    ['class A {\n  get b() {\n    return c(1)\n  }\n}\n', 'get b() {'],
    ['function a() {\n  try {\n    b()\n  } catch {\n    c(1)\n  }\n}\n', '} catch {'],
  ])('lie in the innermost block around it: %j', (text, head) => {
    const line = text.slice(0, text.indexOf('(1)')).split('\n').length
    expect(probesOf({ 'src/a.ts': text }, line)).toEqual([`src/a.ts ${head}`])
  })

  test('of a constant lie where it is used, also in other files and through other constants', () => {
    const files = {
      'src/a.ts': [
        'export const hour = 60',
        '/** The hour. */',
        'const day = { ...other, hours: 24 * hour }',
        'function f() {',
        '  return { ...day }',
        '}',
        'function g() {',
        '  return time.hour + days',
        '}',
      ].join('\n'),
      'src/b.ts': "import { hour } from './a'\nconst b = () => {\n  return hour\n}",
      'src/c.ts': 'const c = () => {\n  return hour\n}',
    }
    expect(probesOf(files, 1)).toEqual(['src/a.ts function f() {', 'src/b.ts const b = () => {'])
  })

  test('of a statement without a name lie at the end of the file', () => {
    expect(probesOf({ 'src/a.ts': "run(1)\nconst last = 'x'" }, 1)).toEqual([
      "src/a.ts const last = 'x'",
    ])
  })
})

test('a test opens a browser if it imports what opens one', () => {
  const browsers = "import { useBrowser } from '../support/browsers'"
  const files = new Map(
    Object.entries({
      'test/support/browsers.ts': '',
      'test/web/a.test.ts': browsers,
      'test/web/vault/b.test.ts': browsers,
      'test/web/c.test.ts': "import { other } from '../support/pages'",
    }).map(([path, text]) => [path, parseSource(text)]),
  )
  expect([...files.keys()].filter((path) => opensBrowser(files, path))).toEqual([
    'test/web/a.test.ts',
  ])
})
