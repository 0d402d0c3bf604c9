import { type FieldText, readDetails } from '../model/fields'
import { asNote } from './csv-rows'
import { type ImportRecord, type ImportRemark, type ImportRow, nameItem } from './items'
import { type JsonObject, objectOf, objectsOf, textOf, valuesIn } from './json'

/** Names of folders and collections by their ids. */
interface Names {
  readonly folders: ReadonlyMap<string, string>
  readonly collections: ReadonlyMap<string, string>
}

const itemTypes: Readonly<Record<number, string>> = {
  ...{ 1: 'login', 2: 'secureNote', 3: 'card', 4: 'identity', 5: 'sshKey' },
}

/** Which values of other kinds of items are login and password, so that they are copied and hidden like these. */
const mainMembers: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  card: [['number', 'code']],
  identity: [
    ['username', ''],
    ['email', ''],
  ],
  sshKey: [['keyFingerprint', 'privateKey']],
}

/** What an entry needs no place for: ids and times of the other program, and empty settings. */
const meaningless = new Set([
  ...['id', 'type', 'object', 'organizationId', 'folderId', 'collectionIds', 'name', 'notes'],
  ...['favorite', 'fields', 'creationDate', 'revisionDate', 'deletedDate', 'key', 'edit'],
  ...['viewPassword', 'organizationUseTotp', 'permissions', 'secureNote'],
])

/** Returns the rows of an export; null for what is none. */
export function readBitwardenJson(file: JsonObject): readonly ImportRow[] | null {
  const items = file['items']
  if (!Array.isArray(items)) return null
  const namesIn = (list: unknown) =>
    new Map(objectsOf(list).map((each) => [textOf(each['id']), textOf(each['name'])]))
  const names = { folders: namesIn(file['folders']), collections: namesIn(file['collections']) }
  return items.map((item, at) => ({ number: at + 1, result: readItem(item, at + 1, names) }))
}

function readItem(value: unknown, number: number, names: Names): ImportRow['result'] {
  const item = objectOf(value)
  if (item === null) return { refusal: { code: 'malformed' }, name: '' }
  const type = itemTypes[Number(item['type'])]
  const name = textOf(item['name'])
  if (type === undefined)
    return { refusal: { code: 'unknown-type', type: String(item['type']) }, name }
  const parts = readParts(type, item)
  const fields = [...placeOf(item, names), ...readFields(item), ...parts.fields]
  const { login, password } = parts
  if (fields.length === 0 && name + login + password === '')
    return { refusal: { code: 'empty' }, name }
  const details = readDetails(fields)
  const named = nameItem(name, { number, urls: details.urls, login })
  const record: ImportRecord = {
    ...{ kind: 'record', name: named.name, login, password, details },
    isFavorite: item['favorite'] === true,
    isTrashed: textOf(item['deletedDate']) !== '',
  }
  const [entry, lost] = type === 'secureNote' ? asNote(record, details) : [record, [] as const]
  const remarks: ImportRemark[] = [...named.remarks]
  if (type in mainMembers) remarks.push({ code: 'kept-as-record', type })
  const what = [...lost, ...parts.notTaken, ...notTakenOf(item, type)]
  if (what.length > 0) remarks.push({ code: 'not-taken', what })
  return { item: entry, remarks }
}

interface Parts {
  readonly login: string
  readonly password: string
  readonly fields: readonly FieldText[]
  readonly notTaken: readonly string[]
}

function readParts(type: string, item: JsonObject): Parts {
  const part = objectOf(item[type]) ?? {}
  if (type === 'login') return readLogin(part)
  const [login = '', password = ''] =
    (mainMembers[type] ?? []).find(([member]) => textOf(part[member]) !== '') ?? []
  const lines = Object.keys(part)
    .filter((member) => member !== login && member !== password && textOf(part[member]) !== '')
    .map((member) => `${spellOut(member)}: ${textOf(part[member])}`)
  return {
    // Without any login the Android app could not edit the record.
    login: textOf(part[login]) || (type === 'secureNote' ? '' : '–'),
    password: textOf(part[password]),
    fields:
      type === 'secureNote' || lines.length === 0
        ? []
        : [{ name: 'Notes', value: lines.join('\n') }],
    notTaken: [],
  }
}

function readLogin(part: JsonObject): Parts {
  const uris = objectsOf(part['uris'])
  const totp = textOf(part['totp'])
  const others = valuesIn(part, new Set(['uris', 'username', 'password', 'totp', 'uri']))
  return {
    login: textOf(part['username']),
    password: textOf(part['password']),
    fields: [
      ...uris.flatMap(({ uri }) =>
        textOf(uri) === '' ? [] : [{ name: 'URL', value: textOf(uri) }],
      ),
      ...(totp === '' ? [] : [{ name: 'TOTP', value: totp }]),
    ],
    // How a browser extension compares addresses means nothing here.
    notTaken: others.filter(
      (member) => !member.startsWith('autofill') && member !== 'passwordRevisionDate',
    ),
  }
}

/** Returns notes, folder and collections as fields. */
function placeOf(item: JsonObject, { folders, collections }: Names): readonly FieldText[] {
  const ids = Array.isArray(item['collectionIds']) ? item['collectionIds'] : []
  const [collection, ...others] = ids.flatMap((id) => collections.get(textOf(id)) || [])
  const folder = folders.get(textOf(item['folderId']))
  const tags = folder === undefined || collection === undefined ? others : [collection, ...others]
  return [
    { name: 'Notes', value: textOf(item['notes']) },
    { name: 'Folder', value: folder ?? collection ?? '' },
    // A comma separates tags.
    { name: 'Tags', value: tags.map((tag) => tag.replaceAll(',', ' ')).join(', ') },
  ].filter(({ value }) => value !== '')
}

function readFields(item: JsonObject): readonly FieldText[] {
  return objectsOf(item['fields']).flatMap((field) => {
    const value = textOf(field['value'])
    return value === '' ? [] : [{ name: textOf(field['name']) || 'Field', value }]
  })
}

/** Returns the names of what has a value and no place in an entry: attachments, earlier passwords, fields without a value. */
function notTakenOf(item: JsonObject, type: string): readonly string[] {
  const others = valuesIn(item, new Set([...meaningless, type, 'reprompt']))
  const empty = objectsOf(item['fields']).filter((field) => textOf(field['value']) === '')
  return [
    ...others,
    ...(item['reprompt'] === 1 ? ['reprompt'] : []),
    ...empty.map((field) => `field ${textOf(field['name'])}`),
  ]
}

/** Returns `Exp month` for `expMonth`. */
function spellOut(member: string): string {
  const words = member.replaceAll(/([A-Z])/g, ' $1').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
