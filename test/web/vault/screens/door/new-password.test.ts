import { expect, test } from 'bun:test'
import { createTranslator } from '../../../../../src/web/vault/i18n/translate'
import { checkNewPassword } from '../../../../../src/web/vault/screens/door/new-password'

const password = 'four quiet snails'
const fieldOf = (change: Partial<Parameters<typeof checkNewPassword>[0]>) =>
  checkNewPassword({ password, repeated: password, hint: '', ...change }, createTranslator('en'))
    ?.field ?? null

test.each([
  ['short', { password: 'ten snails', repeated: 'ten snails' }, 'password'],
  [
    'eleven characters, some of two units',
    { password: '🐌'.repeat(11), repeated: '🐌'.repeat(11) },
    null,
  ],
  ['ten such characters', { password: '🐌'.repeat(10), repeated: '🐌'.repeat(10) }, 'password'],
  ['300 characters', { password: 'x'.repeat(300), repeated: 'x'.repeat(300) }, null],
  ['301 characters', { password: 'x'.repeat(301), repeated: 'x'.repeat(301) }, 'password'],
  ['repeated otherwise', { repeated: 'Four quiet snails' }, 'repeated'],
  ['told by its hint', { hint: password }, 'hint'],
  ['told within its hint', { hint: `it is ${password}!` }, 'hint'],
  ['with a hint', { hint: 'how many, and how' }, null],
  ['usual', {}, null],
] as const)('a new master password that is %s', (_, change, field) => {
  expect(fieldOf(change)).toBe(field)
})
