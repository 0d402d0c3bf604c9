import { expect, test } from 'bun:test'
import { createTranslator } from '../../../../../src/web/vault/i18n/translate'
import type { ImportRefusal, ImportRemark } from '../../../../../src/web/vault/import/items'
import {
  describeImportRefusal,
  describeRemark,
} from '../../../../../src/web/vault/screens/transfer/import-texts'

test('says of everything that goes into the notes that it is not hidden there', () => {
  const remarks: readonly ImportRemark[] = [
    { code: 'moved-to-notes', names: ['PIN'] },
    { code: 'moved-to-notes', names: ['PIN', 'PUK', 'Answer', 'Key', 'Code'] },
    ...['card', 'identity', 'sshKey'].map((type) => ({ code: 'kept-as-record', type }) as const),
  ]
  for (const remark of remarks) {
    expect(describeRemark(remark, createTranslator('en'))).toContain('not hidden')
    expect(describeRemark(remark, createTranslator('ru'))).toMatch(/не скрыт[оы]/)
  }
})

const en = createTranslator('en')

test('says what is different in the vault, each in its own words', () => {
  const remarks: readonly (readonly [ImportRemark, string])[] = [
    [{ code: 'named', name: 'mail.example' }, 'Had no name: named “mail.example”'],
    [{ code: 'kept-as-record', type: 'card' }, en.translate('import.remark.card')],
    [{ code: 'kept-as-record', type: 'identity' }, en.translate('import.remark.identity')],
    [{ code: 'kept-as-record', type: 'sshKey' }, en.translate('import.remark.ssh-key')],
    [
      {
        code: 'not-taken',
        what: ['fido2Credentials', 'passwordHistory', 'attachments', 'reprompt', 'Abteilung'],
      },
      'Not taken: passkeys, earlier passwords, attachments, asking for the master password again, Abteilung',
    ],
    [{ code: 'android-cant-edit', members: ['login'] }, 'No login: the Android app can’t edit it'],
    [
      { code: 'android-cant-edit', members: ['password'] },
      'No password: the Android app can’t edit it',
    ],
    [
      { code: 'android-cant-edit', members: ['login', 'password'] },
      'No login and no password: the Android app can’t edit it',
    ],
    [
      { code: 'differs', members: ['notes', 'tags'] },
      'The same name, login, password and address; the file differs in: notes, tags',
    ],
  ]
  for (const [remark, text] of remarks) expect(describeRemark(remark, en)).toBe(text)
})

test('says why an item is not taken, each in its own words', () => {
  const refusals: readonly (readonly [ImportRefusal, string])[] = [
    [{ code: 'empty' }, 'Name, login and password are all empty'],
    [{ code: 'malformed' }, 'Its quotes don’t match, or it is no item'],
    [{ code: 'unknown-type', type: '9' }, 'A kind of item that SnailPass doesn’t know (9)'],
    [{ code: 'too-long', member: 'notes' }, 'Longer than the server takes: notes'],
  ]
  for (const [refusal, text] of refusals) expect(describeImportRefusal(refusal, en)).toBe(text)
})
