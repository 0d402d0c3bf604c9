import { expect, test } from 'bun:test'
import { createTranslator } from '../../../../../src/web/vault/i18n/translate'
import type { ImportRemark } from '../../../../../src/web/vault/import/items'
import { describeRemark } from '../../../../../src/web/vault/screens/transfer/import-texts'

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
