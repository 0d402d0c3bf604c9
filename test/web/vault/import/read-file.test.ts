import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ImportNote, ImportRecord, ImportSource } from '../../../../src/web/vault/import/items'
import { readImportFile } from '../../../../src/web/vault/import/read-file'
import { noDetails, type RecordDetails } from '../../../../src/web/vault/model/fields'
import {
  bitwardenCsv,
  bitwardenJson,
  chromeCsv,
  edgeCsv,
  firefoxCsv,
  genericCsv,
  keePassXcCsv,
  lastPassCsv,
  onePasswordCsv,
  safariCsv,
  secret,
} from '../../../support/import-files'

const bytesOf = (text: string) => new TextEncoder().encode(text)

function read(text: string, ...targets: Parameters<typeof readImportFile>[1][]): ImportSource {
  const source = readImportFile(bytesOf(text), ...targets)
  if ('problem' in source) throw new Error(`the file was not recognized: ${source.problem}`)
  return source
}

const resultsOf = ({ rows }: ImportSource) => rows.map(({ result }) => result)

function aRecord(
  change: Partial<Omit<ImportRecord, 'details'>> & { details?: Partial<RecordDetails> },
): ImportRecord {
  return {
    ...{ name: '', login: '', password: '', isFavorite: false, isTrashed: false },
    ...change,
    kind: 'record',
    details: { ...noDetails, ...change.details },
  }
}

const aNote = (name: string, content: string): ImportNote => ({
  ...{ kind: 'note', name, content, isFavorite: false, isTrashed: false },
})

/** Names of columns that are not taken, with the number of values in them. */
const notTaken = ({ columns }: ImportSource) =>
  columns.flatMap(({ name, target, filled }) => (target === 'not-taken' ? [[name, filled]] : []))

test('reads what Chrome exports', () => {
  const source = read(chromeCsv)
  expect(source.format).toBe('chromium')
  expect(resultsOf(source)).toEqual([
    {
      item: aRecord({
        ...{ name: 'example.org', login: 'marta', password: 'a,"b" c' },
        details: { urls: ['https://example.org/login'] },
      }),
      remarks: [],
    },
    {
      item: aRecord({
        ...{ name: 'mail.example', login: 'marta@example.org', password: 'пароль' },
        details: { urls: ['https://www.mail.example/'], notes: 'Line one\nline two' },
      }),
      remarks: [{ code: 'named', name: 'mail.example' }],
    },
    {
      item: aRecord({
        name: 'Router',
        password: 'admin',
        details: { urls: ['http://192.168.0.1/'] },
      }),
      remarks: [],
    },
  ])
})

test('reads what Edge exported on Windows', () => {
  const source = read(edgeCsv)
  expect([source.format, source.rows.length]).toEqual(['chromium', 1])
  expect(resultsOf(source)).toMatchObject([{ item: { name: 'example.org', password: 'p' } }])
})

test('reads what Firefox exports, and names the columns that it does not take', () => {
  const source = read(firefoxCsv)
  expect(source.format).toBe('firefox')
  expect(notTaken(source)).toEqual([
    ...[
      ['formActionOrigin', 1],
      ['guid', 2],
      ['timeCreated', 2],
      ['timeLastUsed', 2],
    ],
    ['timePasswordChanged', 2],
  ])
  expect(resultsOf(source)).toEqual([
    {
      item: aRecord({
        name: 'example.org',
        login: 'marta',
        password: 'hunter2',
        details: { urls: ['https://example.org'] },
      }),
      remarks: [{ code: 'named', name: 'example.org' }],
    },
    {
      item: aRecord({
        ...{ name: 'nas.example', login: 'admin', password: 'x' },
        details: {
          urls: ['https://nas.example:5001'],
          others: [{ name: 'httpRealm', value: 'NAS' }],
        },
      }),
      remarks: [{ code: 'named', name: 'nas.example' }],
    },
  ])
})

test('reads what Safari exports', () => {
  const source = read(safariCsv)
  expect(source.format).toBe('safari')
  expect(resultsOf(source)).toEqual([
    {
      item: aRecord({
        ...{ name: 'example.org (marta)', login: 'marta', password: 'hunter2' },
        details: {
          ...{ urls: ['https://example.org/'], notes: 'Some note' },
          totp: `otpauth://totp/Example:marta?secret=${secret}&issuer=Example`,
        },
      }),
      remarks: [],
    },
  ])
})

test('reads what KeePassXC exports, with its groups as folders', () => {
  const source = read(keePassXcCsv)
  expect(source.format).toBe('keepassxc')
  expect(notTaken(source)).toEqual([
    ['Icon', 2],
    ['Last Modified', 2],
    ['Created', 2],
  ])
  expect(resultsOf(source)).toEqual([
    {
      item: aRecord({
        ...{ name: 'Backup host', login: 'root', password: 'x' },
        details: {
          ...{ urls: ['ssh://backup.example'], folder: 'Work/Servers' },
          totp: `otpauth://totp/x?secret=${secret}`,
        },
      }),
      remarks: [],
    },
    {
      item: aRecord({
        name: 'Почта',
        login: 'марта',
        password: 'y',
        details: { notes: 'Заметка' },
      }),
      remarks: [],
    },
  ])
})

test('reads what LastPass exports: notes, and addresses that are none', () => {
  const source = read(lastPassCsv)
  expect(source.format).toBe('lastpass')
  expect(resultsOf(source)).toEqual([
    {
      item: aRecord({
        ...{ name: 'Example', login: 'marta', password: 'hunter2', isFavorite: true },
        details: {
          urls: ['https://example.org/'],
          totp: secret,
          folder: 'Work/Servers',
          notes: 'Extra',
        },
      }),
      remarks: [],
    },
    {
      item: aNote('Card', 'NoteType:Credit Card\nNumber:4111111111111111'),
      remarks: [{ code: 'not-taken', what: ['folder Finance'] }],
    },
    { item: aRecord({ name: 'Door', login: 'door', password: '4711' }), remarks: [] },
  ])
})

test('reads what 1Password exports', () => {
  const source = read(onePasswordCsv)
  expect(source.format).toBe('1password')
  expect(resultsOf(source)).toEqual([
    {
      item: aRecord({
        ...{ name: 'Example', login: 'marta', password: 'hunter2', isFavorite: true },
        details: {
          ...{ urls: ['https://example.org'], totp: `otpauth://totp/x?secret=${secret}` },
          ...{ tags: ['bank', 'Дом'], notes: 'Note' },
        },
      }),
      remarks: [],
    },
    {
      item: aRecord({
        name: 'Old forum',
        login: 'm',
        password: 'p',
        details: { urls: ['https://forum.example'] },
      }),
      remarks: [{ code: 'not-taken', what: ['Archived'] }],
    },
  ])
})

test('reads what Bitwarden exports as CSV', () => {
  const source = read(bitwardenCsv)
  expect(source.format).toBe('bitwarden-csv')
  expect(resultsOf(source)).toEqual([
    {
      item: aRecord({
        ...{ name: 'Example', login: 'marta', password: 'hunter2', isFavorite: true },
        details: {
          ...{
            urls: ['https://example.org/a,b', 'https://example.net'],
            totp: secret,
            folder: 'Work',
          },
          ...{
            notes: 'A note',
            recoveryCodes: ['11', '22'],
            others: [{ name: 'PIN', value: '1496' }],
          },
        },
      }),
      remarks: [{ code: 'not-taken', what: ['reprompt'] }],
    },
    {
      item: aNote('Door', '4711\nand more'),
      remarks: [{ code: 'not-taken', what: ['folder Home'] }],
    },
  ])
})

test('reads what Bitwarden exports as JSON, and says what it does not take', () => {
  const source = read(JSON.stringify(bitwardenJson))
  expect(source).toMatchObject({ format: 'bitwarden-json', columns: [] })
  expect(resultsOf(source)).toEqual([
    {
      item: aRecord({
        ...{ name: 'Example', login: 'marta', password: 'hunter2', isFavorite: true },
        details: {
          ...{ urls: ['https://example.org', 'https://example.net'], totp: secret },
          ...{ folder: 'Work/Servers', notes: 'Note', others: [{ name: 'PIN', value: '1496' }] },
        },
      }),
      remarks: [
        {
          code: 'not-taken',
          what: ['fido2Credentials', 'passwordHistory', 'reprompt', 'field Linked'],
        },
      ],
    },
    { item: { ...aNote('Door', '4711'), isTrashed: true }, remarks: [] },
    {
      item: aRecord({
        ...{ name: 'Bank card', login: '4111', password: '123' },
        details: { notes: 'Cardholder name: Marta\nBrand: Visa\nExp month: 3\nExp year: 2030' },
      }),
      remarks: [{ code: 'kept-as-record', type: 'card' }],
    },
    {
      item: aRecord({ name: 'Me', login: 'm@x.example', details: { notes: 'First name: Marta' } }),
      remarks: [{ code: 'kept-as-record', type: 'identity' }],
    },
    {
      item: aRecord({
        ...{ name: 'Many fields', login: 'm', password: 'p' },
        details: {
          notes: 'N',
          others: Array.from({ length: 15 }, (_, at) => ({ name: `Field ${at}`, value: `v${at}` })),
        },
      }),
      remarks: [],
    },
    { refusal: { code: 'empty' }, name: '' },
    { refusal: { code: 'unknown-type', type: '99' }, name: 'From the future' },
    {
      item: aRecord({ name: 'With a file' }),
      remarks: [{ code: 'not-taken', what: ['attachments'] }],
    },
    { refusal: { code: 'malformed' }, name: '' },
  ])
})

test('suggests what the columns of an unknown table are, and reads it as a person says', () => {
  const unknown = readImportFile(bytesOf(genericCsv))
  expect(unknown).toEqual({
    problem: 'unknown-table',
    suggested: [
      { name: 'Сервис', target: 'field', filled: 2 },
      { name: 'Логин', target: 'login', filled: 2 },
      { name: 'Пароль', target: 'password', filled: 2 },
      { name: 'Сайт', target: 'url', filled: 2 },
      { name: 'Отдел', target: 'field', filled: 1 },
    ],
  })
  const source = read(genericCsv, ['name', 'login', 'password', 'url', 'not-taken'])
  expect(source.format).toBe('generic')
  expect(notTaken(source)).toEqual([['Отдел', 1]])
  expect(resultsOf(source)).toMatchObject([
    {
      item: {
        name: 'Почта',
        login: 'марта',
        password: 'пароль',
        details: { urls: ['mail.example'], others: [] },
      },
    },
    { item: { name: 'Банк' } },
  ])
})

test('loses no column that a newer version of a program may have, and no cell without one', () => {
  const source = read(
    'name,url,username,password,note,passkey\nA,https://a.example,m,p,,abc,extra\n',
  )
  expect(resultsOf(source)).toMatchObject([
    {
      item: {
        details: {
          others: [
            { name: 'passkey', value: 'abc' },
            { name: 'Column 7', value: 'extra' },
          ],
        },
      },
    },
  ])
  const twice = read('Name,Password,Pass,Notes,Comment\nA,p,q,n,c\n', [
    'name',
    'password',
    'password',
    'notes',
    'notes',
  ])
  expect(resultsOf(twice)).toMatchObject([
    { item: { password: 'p', details: { notes: 'n\nc', others: [{ name: 'Pass', value: 'q' }] } } },
  ])
})

test('takes any name of a column, also one that objects have', () => {
  const source = read('name,url,username,password,constructor,__proto__\nA,,m,p,c,d\n')
  expect(source.columns.map(({ target }) => target).slice(4)).toEqual(['field', 'field'])
  expect(resultsOf(source)).toMatchObject([
    {
      item: {
        details: {
          others: [
            { name: 'constructor', value: 'c' },
            { name: '__proto__', value: 'd' },
          ],
        },
      },
    },
  ])
})

test('throws for no file, whatever is in it', () => {
  const cell = fc.stringMatching(/^[a-z"',;\t\n\r:{}[\]/яё]{0,6}$/)
  const headers = [chromeCsv, lastPassCsv, bitwardenCsv, keePassXcCsv].map(
    (text) => text.split('\n')[0] ?? '',
  )
  const table = fc
    .tuple(
      fc.constantFrom('', ...headers),
      fc.array(fc.array(cell, { maxLength: 12 }), { maxLength: 5 }),
    )
    .map(([header, rows]) => [header, ...rows.map((cells) => cells.join(','))].join('\n'))
  const item = fc.dictionary(
    fc.constantFrom(...Object.keys(bitwardenJson.items[0] ?? {}), 'card'),
    fc.jsonValue(),
  )
  const json = fc
    .array(fc.oneof(item, fc.jsonValue()))
    .map((items) => JSON.stringify({ items, folders: items }))
  fc.assert(
    fc.property(fc.oneof(table, json, fc.string()), (text) => {
      const source = readImportFile(bytesOf(text))
      if ('rows' in source)
        expect(source.rows.map(({ number }) => number)).toEqual(source.rows.map((_, at) => at + 1))
    }),
    { numRuns: 300 },
  )
})

test('names a row whose quotes do not match', () => {
  const source = read(
    'name,url,username,password\nA,https://a.example,m,"p"q\nB,https://b.example,m,p\n',
  )
  expect(source.rows[0]).toMatchObject({ number: 1, result: { refusal: { code: 'malformed' } } })
})

test('reads UTF-16 with a mark, and refuses what it can’t read', () => {
  const utf16 = new Uint8Array([
    0xff,
    0xfe,
    ...[...chromeCsv].flatMap((character) => {
      const code = character.charCodeAt(0)
      return [code & 0xff, code >> 8]
    }),
  ])
  expect(readImportFile(utf16)).toEqual(readImportFile(bytesOf(chromeCsv)))
  const problems = [
    new Uint8Array([0xcf, 0xe0, 0xf0, 0xee, 0xeb, 0xfc]),
    ...['', ' \n', '{"encrypted": true, "data": "2.x"}', '{"logins": []}', '[]'].map(bytesOf),
  ].map((bytes) => readImportFile(bytes))
  expect(problems).toEqual([
    { problem: 'encoding' },
    { problem: 'empty' },
    { problem: 'empty' },
    { problem: 'encrypted' },
    { problem: 'unknown-json' },
    { problem: 'unknown-json' },
  ])
})
