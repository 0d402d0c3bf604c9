import { expect, test } from 'bun:test'
import type { ImportRow, ImportSource } from '../../../../src/web/vault/import/items'
import { readImportFile } from '../../../../src/web/vault/import/read-file'

function read(text: string, ...targets: Parameters<typeof readImportFile>[1][]): ImportSource {
  const source = readImportFile(new TextEncoder().encode(text), ...targets)
  if ('problem' in source) throw new Error(`the file was not recognized: ${source.problem}`)
  return source
}

/** What a row became, in short: its kind, name, and what of it has a value. */
function shortOf({ result }: ImportRow): readonly unknown[] {
  if ('refusal' in result) return ['refused', result.refusal.code]
  const { item } = result
  if (item.kind === 'note') return ['note', item.name, item.content]
  const { details, name, login, password } = item
  const filled = Object.entries({ login, password, ...details }).filter(([, value]) => value.length)
  return ['record', name, Object.fromEntries(filled)]
}

/** What of each row was not taken. */
const lostOf = ({ result }: ImportRow) =>
  'item' in result
    ? result.remarks.flatMap((remark) => (remark.code === 'not-taken' ? remark.what : []))
    : []

const bitwardenColumns = [
  ...['folder', 'favorite', 'type', 'name', 'notes', 'fields', 'reprompt'],
  ...['login_uri', 'login_username', 'login_password', 'login_totp'],
]

/** Returns the table of Bitwarden with a row for each of these values. */
const bitwardenCsv = (...rows: readonly Readonly<Record<string, string>>[]) =>
  [
    bitwardenColumns.join(','),
    ...rows.map((row) => bitwardenColumns.map((name) => `"${row[name] ?? ''}"`).join(',')),
  ].join('\n')

test('takes a row for an entry if any of its values is one, and numbers those without a name', () => {
  const table = [
    'name,login,password,address,id',
    ...['Mail,,,,', ',marta,,,', ',,pw,,', ',,,https://www.mail.example/in,', ',,,,7'],
  ].join('\r\n')
  const { rows } = read(table, ['name', 'login', 'password', 'url', 'not-taken'])
  expect(rows.map(shortOf)).toEqual([
    ['record', 'Mail', {}],
    ['record', 'marta', { login: 'marta' }],
    ['record', '#3', { password: 'pw' }],
    ['record', 'mail.example', { urls: ['https://www.mail.example/in'] }],
    ['refused', 'empty'],
  ])
  expect(rows.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5])
})

test('takes the first line that is not empty for the names of columns', () => {
  const { format, rows } = read('\n\nname,url,username,password\nMail,,marta,pw')
  expect([format, rows.map(shortOf)]).toEqual([
    'chromium',
    [['record', 'Mail', { login: 'marta', password: 'pw' }]],
  ])
})

test('makes a note of what its program calls one, unless it holds what a note has no place for', () => {
  const note = { type: 'note', name: 'Door', notes: '4711' }
  const { rows } = read(
    bitwardenCsv(
      ...[note, { ...note, type: 'login' }, { ...note, login_username: 'marta' }],
      ...[
        { ...note, login_password: 'pw' },
        { ...note, login_totp: 'x' },
      ],
      ...[
        { ...note, login_uri: 'https://a.example' },
        { ...note, fields: 'PIN: 1' },
      ],
      ...[
        { ...note, fields: 'Recovery codes: 1' },
        { ...note, folder: 'Home' },
      ],
    ),
  )
  const notes = '4711'
  expect(rows.map(shortOf)).toEqual([
    ['note', 'Door', '4711'],
    ['record', 'Door', { notes }],
    ['record', 'Door', { login: 'marta', notes }],
    ['record', 'Door', { password: 'pw', notes }],
    ['record', 'Door', { totp: 'x', notes }],
    ['record', 'Door', { urls: ['https://a.example'], notes }],
    ['record', 'Door', { others: [{ name: 'PIN', value: '1' }], notes }],
    ['record', 'Door', { recoveryCodes: ['1'], notes }],
    ['note', 'Door', '4711'],
  ])
  expect(rows.map(lostOf)).toEqual([...Array(8).fill([]), ['folder Home']])
  const pairs = read(bitwardenCsv({ ...note, login_uri: 'https://a.example', fields: 'PIN: 1' }))
  expect(pairs.rows.map(shortOf)).toEqual([
    [
      ...['record', 'Door'],
      { urls: ['https://a.example'], others: [{ name: 'PIN', value: '1' }], notes },
    ],
  ])
})

test('reads the fields of Bitwarden line by line, and what has no name as notes', () => {
  const fields = ['free text', 'PIN: 1', 'second line', '', 'Code: a: b']
  const { rows } = read(
    bitwardenCsv(
      { name: 'Mail', fields: fields.join('\n') },
      { name: 'Post', fields: ' ', reprompt: '1' },
    ),
  )
  expect(rows.map(shortOf)).toEqual([
    [
      ...['record', 'Mail'],
      {
        notes: 'free text',
        others: [
          { name: 'PIN', value: '1\nsecond line\n' },
          { name: 'Code', value: 'a: b' },
        ],
      },
    ],
    ['record', 'Post', {}],
  ])
  expect(rows.map(lostOf)).toEqual([[], ['reprompt']])
})

test.each([
  [
    ['Root/Work', 'Root/Home/Bank', 'Root'],
    ['Work', 'Home/Bank', undefined],
  ],
  // Two databases in one table: each name tells them apart.
  [
    ['A/Work', 'B/Work', ''],
    ['A/Work', 'B/Work', undefined],
  ],
])(
  'takes the groups of KeePassXC for folders, without the name of one database: %p',
  (groups, folders) => {
    const { rows } = read(
      ['Group,Title,Username,Password,URL', ...groups.map((group) => `${group},Mail,,,`)].join(
        '\n',
      ),
    )
    expect(rows.map(shortOf)).toEqual(
      folders.map((folder) => ['record', 'Mail', { ...(folder !== undefined && { folder }) }]),
    )
  },
)

test('keeps a record of KeePassXC a record that has only notes', () => {
  const { rows } = read('Group,Title,Username,Password,URL,Notes\n,Door,,,,4711')
  expect(rows.map(shortOf)).toEqual([['record', 'Door', { notes: '4711' }]])
})

const readJson = (items: readonly object[], more: object = {}) =>
  read(JSON.stringify({ encrypted: false, items, ...more })).rows

test('reads each kind of item of Bitwarden, and calls one without a name by its place', () => {
  const rows = readJson([
    { type: 1, login: { password: 'pw' } },
    { type: 2, name: 'Door', notes: '4711' },
    { type: 3, name: 'Card', card: { number: '1234', code: '567', expMonth: 4, brand: '' } },
    { type: 3, name: 'Empty card', notes: 'n', card: { brand: 'Visa' } },
    { type: 4, name: 'Me', identity: { email: 'm@example.org', ssn: '1' } },
    { type: 5, name: 'Key', sshKey: { privateKey: 'secret', keyFingerprint: 'SHA256:x' } },
    { type: 6, name: 'Later' },
    ...[{ type: 1 }, { type: 2, name: '', notes: 'only' }],
  ])
  expect(rows.map(shortOf)).toEqual([
    ['record', '#1', { password: 'pw' }],
    ['note', 'Door', '4711'],
    ['record', 'Card', { login: '1234', password: '567', notes: 'Exp month: 4' }],
    ['record', 'Empty card', { login: '–', notes: 'n\nBrand: Visa' }],
    ['record', 'Me', { login: 'm@example.org', notes: 'Ssn: 1' }],
    ['record', 'Key', { login: 'SHA256:x', password: 'secret' }],
    ['refused', 'unknown-type'],
    ['refused', 'empty'],
    ['note', '#9', 'only'],
  ])
})

test('takes folder and collections of Bitwarden for folder and tags, without commas', () => {
  const rows = readJson(
    [
      { type: 1, name: 'a', folderId: 'f', collectionIds: ['c1', 'c2', 'none', 'c3'] },
      { type: 1, name: 'b', folderId: null, collectionIds: ['c1', 'c2'] },
      { type: 1, name: 'c', folderId: 'f' },
      { type: 1, name: 'd', collectionIds: ['c3'] },
    ],
    {
      folders: [{ id: 'f', name: 'Home' }],
      collections: [
        { id: 'c1', name: 'Work' },
        { id: 'c2', name: 'Old, new' },
        { id: 'c3', name: 'Bank' },
      ],
    },
  )
  expect(rows.map(shortOf)).toEqual([
    ['record', 'a', { folder: 'Home', tags: ['Work', 'Old  new', 'Bank'] }],
    ['record', 'b', { folder: 'Work', tags: ['Old  new'] }],
    ['record', 'c', { folder: 'Home' }],
    ['record', 'd', { folder: 'Bank' }],
  ])
})

test('names what of an item of Bitwarden has a value and no place', () => {
  const rows = readJson([
    {
      ...{ type: 1, name: 'a', id: 'x', reprompt: 1, passwordHistory: [{ password: 'old' }] },
      login: {
        ...{ username: 'm', autofillOnPageLoad: true, passwordRevisionDate: '2026-01-01' },
        ...{ fido2Credentials: [{ keyId: 'k' }], later: 1 },
      },
      fields: [
        { name: 'PIN', value: 4711 },
        { name: 'Is open', value: true },
        { name: 'Empty', value: null },
        { name: 'No', value: false },
        { name: '', value: 'x' },
      ],
    },
    {
      ...{ type: 1, name: 'b', reprompt: 0, passwordHistory: [], hidden: false, seen: true },
      ...{ attachments: null, place: '', more: {} },
    },
  ])
  expect(rows.map(shortOf)).toEqual([
    [
      ...['record', 'a'],
      {
        login: 'm',
        others: [
          { name: 'PIN', value: '4711' },
          { name: 'Is open', value: 'true' },
          { name: 'Field', value: 'x' },
        ],
      },
    ],
    ['record', 'b', {}],
  ])
  expect(rows.map(lostOf)).toEqual([
    ['fido2Credentials', 'later', 'passwordHistory', 'reprompt', 'field Empty', 'field No'],
    ['seen'],
  ])
})
