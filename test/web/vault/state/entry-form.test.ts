import { expect, test } from 'bun:test'
import {
  copyOf,
  draftOf,
  fieldsOf,
  formOf,
  isChanged,
  newForm,
} from '../../../../src/web/vault/state/entry-form'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'

const texts = [
  { name: 'URL', value: 'https://mail.example' },
  { name: 'TOTP', value: 'otpauth://totp/Mail?secret=JBSWY3DPEHPK3PXP' },
  { name: 'Folder', value: 'Work' },
  { name: 'Notes', value: 'one\ntwo' },
]

test('saves an entry that nobody changed as it was', () => {
  for (const entry of [anOpenRecord({ texts }), anOpenNote()]) {
    const { created, updated, ...same } = entry
    expect([created, updated]).not.toContain(0)
    expect(draftOf(formOf(entry))).toEqual(same)
    expect(isChanged(formOf(entry), formOf(entry))).toBe(false)
  }
})

test('knows each change, and each change back', () => {
  const before = formOf(anOpenRecord({ texts }))
  const changed = [
    { ...before, texts: { ...before.texts, login: 'olga' } },
    { ...before, urls: ['https://mail.example', 'https://other.example'] },
    { ...before, others: [{ name: 'PIN', value: '1' }] },
  ]
  for (const form of changed) expect(isChanged(form, before)).toBe(true)
  expect(isChanged({ ...before, kept: ['URL'] }, before)).toBe(false)
})

test('begins with empty texts, and with one line for an address', () => {
  const empty = {
    ...{ name: '', login: '', password: '', totp: '', recoveryCodes: '', notes: '' },
    ...{ folder: '', tags: '' },
  }
  for (const kind of ['record', 'note'] as const) {
    expect(newForm(kind)).toEqual({
      ...{ kind, id: expect.any(String), base: null, texts: empty },
      ...{ urls: [''], others: [], kept: [], isFavorite: false },
    })
  }
  expect(newForm('record', { folder: 'Home' }).texts).toEqual({ ...empty, folder: 'Home' })
  expect(newForm('record', { tag: 'bank' }).texts).toEqual({ ...empty, tags: 'bank' })
})

test('makes a new entry where one is, and a copy under an id of its own', () => {
  const form = newForm('record', { folder: 'Home', tag: 'bank' })
  const draft = draftOf({ ...form, texts: { ...form.texts, name: ' Mail ' } })
  expect(draft).toMatchObject({ name: 'Mail', revision: null, isTrashed: false })
  expect(fieldsOf(form).fields).toEqual([
    { name: 'Folder', value: 'Home' },
    { name: 'Tags', value: 'bank' },
  ])
  const original = formOf(anOpenRecord({ texts }))
  const copy = draftOf(copyOf(original))
  expect(copy.revision).toBeNull()
  expect(copy.id).not.toBe(original.id)
})

test('writes at most four fields, none of them empty, and moves the rest where somebody wants it', () => {
  const form = formOf(anOpenRecord({ texts }))
  const many = {
    ...form,
    texts: { ...form.texts, tags: 'a, b', recoveryCodes: '1\n\n2' },
    urls: [...form.urls, ''],
    others: [{ name: '', value: 'x' }],
  }
  const { fields, moved } = fieldsOf(many)
  expect(fields.map(({ name }) => name)).toEqual(['URL', 'TOTP', 'Folder', 'Notes'])
  expect(moved.map(({ name }) => name)).toEqual(['Tags', 'Recovery codes'])
  const chosen = fieldsOf({ ...many, kept: ['Tags'] })
  expect(chosen.fields.map(({ name }) => name)).toEqual(['Tags', 'URL', 'TOTP', 'Notes'])
})
