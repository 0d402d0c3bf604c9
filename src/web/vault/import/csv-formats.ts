import type { ColumnTarget, ImportFormat } from './items'

/** What a program writes as CSV: facts of its exports. Names of columns are compared in lower case. */
export interface CsvFormat {
  readonly format: ImportFormat
  /** A table with these columns is of this format. */
  readonly marks: readonly string[]
  readonly targets: Readonly<Record<string, ColumnTarget>>
}

const usual = { url: 'url', username: 'login', password: 'password' } as const

/** In this order: the columns of a later format may be among those of an earlier one. */
const csvFormats: readonly CsvFormat[] = [
  {
    format: 'bitwarden-csv',
    marks: ['type', 'name', 'login_uri', 'login_username', 'login_password'],
    targets: {
      ...{ folder: 'folder', favorite: 'favorite', type: 'special', name: 'name', notes: 'notes' },
      ...{ fields: 'special', login_uri: 'special', login_username: 'login' },
      ...{ login_password: 'password', login_totp: 'totp' },
      ...{ reprompt: 'special', archiveddate: 'not-taken' },
    },
  },
  {
    format: 'lastpass',
    marks: ['url', 'username', 'password', 'extra', 'name', 'grouping'],
    targets: {
      ...usual,
      ...{ url: 'special', totp: 'totp', extra: 'notes', name: 'name', grouping: 'special' },
      ...{ fav: 'favorite' },
    },
  },
  {
    format: 'firefox',
    marks: ['url', 'username', 'password', 'httprealm', 'formactionorigin'],
    targets: {
      ...usual,
      ...{ httprealm: 'field', formactionorigin: 'not-taken', guid: 'not-taken' },
      ...{ timecreated: 'not-taken', timelastused: 'not-taken', timepasswordchanged: 'not-taken' },
    },
  },
  {
    format: '1password',
    marks: ['title', 'username', 'password', 'favorite', 'tags'],
    targets: {
      ...usual,
      ...{ title: 'name', otpauth: 'totp', favorite: 'favorite', archived: 'special' },
      ...{ tags: 'tags', notes: 'notes', website: 'url' },
    },
  },
  {
    format: 'keepassxc',
    marks: ['group', 'title', 'username', 'password', 'url'],
    targets: {
      ...usual,
      ...{ group: 'special', title: 'name', notes: 'notes', totp: 'totp', tags: 'tags' },
      ...{ icon: 'not-taken', 'last modified': 'not-taken', created: 'not-taken' },
    },
  },
  {
    format: 'safari',
    marks: ['title', 'url', 'username', 'password'],
    targets: { ...usual, title: 'name', notes: 'notes', otpauth: 'totp' },
  },
  {
    // Chrome, Edge, and what else is built on Chromium.
    format: 'chromium',
    marks: ['name', 'url', 'username', 'password'],
    targets: { ...usual, name: 'name', note: 'notes' },
  },
]

export function recognizeCsv(header: readonly string[]): CsvFormat | null {
  const names = new Set(header.map((name) => name.toLowerCase()))
  return csvFormats.find(({ marks }) => marks.every((mark) => names.has(mark))) ?? null
}

/** Names that people and programs give to columns, English and Russian. */
const synonyms: readonly (readonly [ColumnTarget, string])[] = [
  ['name', 'name title account entry label название имя заголовок запись'],
  ['login', 'login username user email логин пользователь имяпользователя почта'],
  ['password', 'password pass pwd пароль'],
  ['url', 'url uri website site web address link loginurl сайт адрес ссылка'],
  ['totp', 'totp otp otpauth otpsecret 2fa onetimecode одноразовыйкод'],
  ['notes', 'notes note comment comments extra description заметки заметка комментарий примечание'],
  ['tags', 'tags tag labels метки теги'],
  ['folder', 'folder group grouping category vault папка группа категория'],
  ['favorite', 'favorite favourite fav избранное'],
]

/** Returns what a column of an unknown table may be, for a person to check. */
export function suggestTarget(column: string): ColumnTarget {
  const word = column.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')
  return synonyms.find(([, words]) => words.split(' ').includes(word))?.[0] ?? 'field'
}
