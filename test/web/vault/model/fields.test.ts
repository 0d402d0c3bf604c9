import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  allFields,
  codeSourceOf,
  detailsOf,
  type FieldText,
  fitFields,
  noDetails,
  replaceFields,
} from '../../../../src/web/vault/model/fields'
import { anOpenRecord } from '../../../support/open-entries'

const secret = 'GEZDGNBVGY3TQOJQ'

const read = (...texts: FieldText[]) => detailsOf(anOpenRecord({ texts }))

test('reads fields by the convention of their names, whatever their case', () => {
  expect(
    read(
      { name: ' url ', value: ' https://example.org/ ' },
      { name: 'URL 2', value: 'https://example.net/' },
      { name: 'totp', value: 'otpauth://totp/x?secret=A' },
      { name: 'FOLDER', value: ' Work / Servers/' },
      { name: 'Tags', value: 'bank, Дом,, bank ,BANK' },
      { name: 'Recovery Codes', value: '1111\r\n\n 2222 ' },
      { name: 'notes', value: ' first\n\nsecond ' },
      { name: 'PIN', value: '1496' },
      { name: 'constructor', value: 'x' },
    ),
  ).toEqual({
    urls: ['https://example.org/', 'https://example.net/'],
    totp: 'otpauth://totp/x?secret=A',
    folder: 'Work/Servers',
    tags: ['bank', 'Дом'],
    recoveryCodes: ['1111', '2222'],
    notes: ' first\n\nsecond ',
    others: [
      { name: 'PIN', value: '1496' },
      { name: 'constructor', value: 'x' },
    ],
  })
})

test('takes 2FA and OTP for a one-time code only where they hold a secret', () => {
  expect(read({ name: '2FA', value: secret }).totp).toBe(secret)
  expect(read({ name: 'otp', value: `otpauth://totp/x?secret=${secret}` }).totp).toStartWith(
    'otpauth',
  )
  const text = { name: '2FA', value: 'in the phone' }
  expect(read(text)).toEqual({ ...noDetails, others: [text] })
})

test('keeps what a convention has no second place for', () => {
  const second = { name: 'Folder', value: 'Home' }
  const details = read(
    { name: 'Folder', value: 'Work' },
    second,
    { name: 'Notes', value: 'a' },
    { name: 'notes', value: 'b' },
  )
  expect(details).toEqual({ ...noDetails, folder: 'Work', notes: 'a\nb', others: [second] })
})

test('writes no empty field, and a bare secret as an address', () => {
  expect(fitFields(noDetails, 'Mail')).toEqual({ fields: [], moved: [] })
  const details = {
    ...noDetails,
    urls: ['', ' '],
    notes: ' \n',
    totp: secret,
    others: [{ name: ' ', value: 'x' }],
  }
  const { fields } = fitFields(details, 'Почта')
  expect(fields.map(({ name }) => name)).toEqual(['TOTP'])
  expect(decodeURIComponent(fields[0]?.value ?? '')).toStartWith(`otpauth://totp/Почта?`)
  const address = `otpauth://totp/a?secret=${secret}&x=1`
  expect(fitFields({ ...noDetails, totp: address }, 'Mail').fields).toEqual([
    { name: 'TOTP', value: address },
  ])
  expect(fitFields({ ...noDetails, totp: 'nothing' }, 'Mail').fields).toEqual([
    { name: 'TOTP', value: 'nothing' },
  ])
})

test('makes four fields of fifteen, and lines of the notes of the others', () => {
  const others = Array.from({ length: 13 }, (_, at) => ({
    name: `Field ${at}`,
    value: `value ${at}`,
  }))
  const details = {
    ...noDetails,
    urls: ['https://example.org'],
    notes: 'Note.',
    tags: ['a'],
    others,
  }
  const { fields, moved } = fitFields(details, 'Mail')
  expect(fields.map(({ name }) => name)).toEqual(['URL', 'Tags', 'Field 0', 'Notes'])
  expect(moved).toEqual(others.slice(1))
  const lines = others.slice(1).map(({ name, value }) => `${name}: ${value}`)
  expect(fields[3]?.value).toBe(['Note.', ...lines].join('\n'))

  const chosen = fitFields(details, 'Mail', ['Field 7', 'Field 9', 'Tags'])
  expect(chosen.fields.map(({ name }) => name)).toEqual(['Tags', 'Field 7', 'Field 9', 'Notes'])
  expect(fitFields({ ...noDetails, others: others.slice(0, 4) }, 'Mail').moved).toEqual([])
  expect(
    fitFields({ ...noDetails, notes: 'n', others: others.slice(0, 4) }, 'Mail').moved,
  ).toHaveLength(1)
})

test('reads back what it has written', () => {
  const line = fc.stringMatching(/^[a-zа-я0-9:/]{1,8}$/)
  const details = fc.record({
    urls: fc.array(line, { maxLength: 2 }),
    totp: fc.constantFrom('', `otpauth://totp/a?secret=${secret}`),
    folder: fc.constantFrom('', 'Work', 'Work/Servers'),
    tags: fc.uniqueArray(fc.stringMatching(/^[a-zа-я]{1,8}$/), { maxLength: 2 }),
    recoveryCodes: fc.array(line, { maxLength: 2 }),
    notes: fc.constantFrom('', ' line\nline'),
    others: fc.uniqueArray(fc.record({ name: fc.constantFrom('PIN', 'Code'), value: line }), {
      maxLength: 2,
      selector: ({ name }) => name,
    }),
  })
  fc.assert(
    fc.property(details, (each) => {
      const { fields, moved } = fitFields(each, 'Mail')
      expect(fields.length).toBeLessThanOrEqual(4)
      if (moved.length === 0) expect(read(...fields)).toEqual(each)
    }),
  )
})

test('keeps the ids of fields by their names, and fields that it can’t read', () => {
  const unreadable = { id: 'f3', name: { ciphertext: 'a:b' }, value: 'x' }
  const before = [
    { id: 'f1', name: 'url', value: 'a' },
    { id: 'f2', name: 'PIN', value: '1' },
    unreadable,
  ]
  const after = replaceFields(before, [
    { name: 'PIN', value: '2' },
    { name: 'URL', value: 'b' },
    { name: 'URL', value: 'c' },
  ])
  expect(after.map(({ id }) => id)).toEqual([
    'f2',
    'f1',
    expect.stringMatching(/^[0-9a-f-]{36}$/),
    'f3',
  ])
  expect(after.at(-1)).toEqual(unreadable)
  expect(replaceFields(before, []).map(({ id }) => id)).toEqual(['f3'])
})

test('gives a field of another name an id of its own', () => {
  const before = ['a', 'b', 'c'].map((name) => ({ id: `id of ${name}`, name, value: 'x' }))
  const after = replaceFields(before, [
    { name: 'new', value: 'x' },
    { name: 'a', value: 'x' },
    { name: 'b', value: 'x' },
    { name: 'c', value: 'x' },
  ])
  expect(after.map(({ id }) => id)).toEqual([
    expect.stringMatching(/^[0-9a-f-]{36}$/),
    ...['id of a', 'id of b', 'id of c'],
  ])
})

test('makes a field of each of the details, however many there are, and of no empty one', () => {
  const others = ['1', '2', '3', '4', '5'].map((digit) => ({ name: `PIN ${digit}`, value: digit }))
  expect(allFields({ ...noDetails, others, notes: ' a' }, 'Mail')).toEqual([
    ...others,
    { name: 'Notes', value: ' a' },
  ])
  expect(allFields({ ...noDetails, others }, 'Mail')).toEqual(others)
  const [code] = allFields({ ...noDetails, totp: secret }, 'Mail')
  expect(code).toEqual({ name: 'TOTP', value: `otpauth://totp/Mail?secret=${secret}` })
})

test('reads the fields and the one-time codes of a record once', () => {
  const record = anOpenRecord({ texts: [{ name: 'TOTP', value: secret }] })
  expect(detailsOf(record)).toBe(detailsOf(record))
  const source = codeSourceOf(record)
  expect(source?.address).toBe(`otpauth://totp/SnailPass?secret=${secret}`)
  expect(codeSourceOf(record)).toBe(source)
  expect(codeSourceOf(anOpenRecord({ texts: [{ name: 'TOTP', value: 'none' }] }))).toBeNull()
})
