import { expect, test } from 'bun:test'
import { listTextWarnings } from '../../src/config/setting-warnings'

const from = 'SNAILPASS_X'
const space = `${from} begins or ends with white space or a line break, which is part of the secret`
const quotes = `${from} is in quotation marks, which are part of the secret: only the settings file has quotes`

test.each([
  ['secret', []],
  ['a secret', []],
  [' secret', [space]],
  ['secret\n', [space]],
  ['"secret"', [quotes]],
  ["'a secret'", [quotes]],
  ['`secret`', [quotes]],
  [`"secret'`, []],
  ['"', []],
])('%j is a secret with characters that are hardly meant: %p', (text, expected) => {
  const warningsOf = (
    source: 'environment' | 'file',
    secretPath: string | null,
    setting: Parameters<typeof listTextWarnings>[0] = { isSecret: true },
  ) => listTextWarnings(setting, { source, from, secretPath }, text)
  expect(warningsOf('environment', null)).toEqual(expected)
  expect(warningsOf('file', '/run/secrets/x')).toEqual(expected)
  // The settings file has quotes, which are not part of a text.
  expect(warningsOf('file', null)).toEqual(expected.filter((warning) => warning !== quotes))
  // Other settings are parsed, which says what is wrong.
  expect(warningsOf('environment', null, {})).toEqual([])
})

test('a path that depends on where the program is started is warned of, of secrets and other settings', () => {
  const listPaths = (text: string) => [text]
  const found = { source: 'environment', from, secretPath: null } as const
  expect(listTextWarnings({ listPaths }, found, '/srv/x')).toEqual([])
  expect(listTextWarnings({ listPaths }, found, 'srv/x')).toEqual([
    expect.stringContaining('srv/x'),
  ])
  expect(listTextWarnings({ isSecret: true }, { ...found, secretPath: 'run/x' }, 'x')).toEqual([
    expect.stringContaining('run/x'),
  ])
})
