import Papa from 'papaparse'
import { isReadable } from '../crypto/ciphertexts'
import { nameBasedId } from '../crypto/ids'
import { isWhole, type OpenEntry, type OpenNote, type OpenRecord } from './entries'
import { detailsOf, type RecordDetails } from './fields'

/** Of the types of items that Bitwarden knows, those that a vault of SnailPass has. */
const itemTypes = { login: 1, note: 2 }

/** The namespace of the ids that folders have in exports: in a vault they are only names. */
const folderNamespace = 'e0c7a1f4-6c0e-4b0a-9d3c-4f7d5c1e9b52'

/** An export in the format of Bitwarden, with a member that tells whose it is. */
export interface VaultExport {
  readonly encrypted: false
  readonly snailpass: {
    readonly version: 1
    readonly email: string
    readonly exported: string
    /** Ids of the entries that the key doesn't decrypt: they are not in here. */
    readonly unreadable: readonly string[]
  }
  readonly folders: readonly { readonly id: string; readonly name: string }[]
  readonly items: readonly object[]
}

/** Returns everything that can be read, the trash included. */
export async function exportVault(input: {
  email: string
  entries: readonly OpenEntry[]
  now: number
}): Promise<VaultExport> {
  const whole = input.entries.filter(isWhole)
  const names = whole.flatMap((entry) => (entry.kind === 'record' ? [detailsOf(entry).folder] : []))
  const folders = await Promise.all(
    [...new Set(names)].flatMap((name) =>
      name === '' ? [] : [nameBasedId(folderNamespace, name).then((id) => ({ id, name }))],
    ),
  )
  const folderIds = new Map(folders.map(({ id, name }) => [name, id]))
  return {
    encrypted: false,
    snailpass: {
      version: 1,
      email: input.email,
      exported: new Date(input.now).toISOString(),
      unreadable: input.entries.filter((entry) => !isWhole(entry)).map(({ id }) => id),
    },
    folders,
    items: whole.map((entry) =>
      entry.kind === 'record' ? loginItem(entry, folderIds) : noteItem(entry),
    ),
  }
}

function loginItem(record: OpenRecord, folderIds: ReadonlyMap<string, string>): object {
  const details = detailsOf(record)
  const fields = [...conventionFields(details), ...details.others]
  return {
    ...itemHead(record, itemTypes.login),
    folderId: folderIds.get(details.folder) ?? null,
    notes: details.notes || null,
    fields: fields.map(({ name, value }) => ({ name, value, type: 0, linkedId: null })),
    login: {
      uris: details.urls.map((uri) => ({ match: null, uri })),
      username: record.login,
      password: record.password,
      totp: details.totp || null,
    },
  }
}

function noteItem(note: OpenNote): object {
  return {
    ...itemHead(note, itemTypes.note),
    folderId: null,
    notes: note.content,
    fields: [],
    secureNote: { type: 0 },
  }
}

function itemHead(entry: OpenEntry, type: number) {
  const times = [entry.created, entry.updated].map((time) => new Date(time).toISOString())
  return {
    id: entry.id,
    organizationId: null,
    collectionIds: null,
    type,
    reprompt: 0,
    name: entry.name,
    favorite: entry.isFavorite,
    creationDate: times[0],
    revisionDate: times[1],
    deletedDate: entry.isTrashed ? times[1] : null,
  }
}

/** Details that have no place of their own in Bitwarden. */
function conventionFields(details: RecordDetails) {
  return [
    { name: 'Tags', value: details.tags.join(', ') },
    { name: 'Recovery codes', value: details.recoveryCodes.join('\n') },
  ].filter(({ value }) => value !== '')
}

const columns = [
  ...['folder', 'favorite', 'type', 'name', 'notes', 'fields', 'reprompt'],
  ...['login_uri', 'login_username', 'login_password', 'login_totp'],
]

/**
 * Returns a table in the format of Bitwarden: what can be read and is not in the trash, since the format knows none. Values stay as
 * they are, also those that a spreadsheet takes for a formula: a changed password would be worse.
 */
export function exportCsv(entries: readonly OpenEntry[]): string {
  const rows = entries.filter((entry) => isWhole(entry) && !entry.isTrashed).map(csvRow)
  return `${Papa.unparse({ fields: columns, data: rows })}\r\n`
}

function csvRow(entry: OpenEntry): readonly string[] {
  const head = (folder: string, type: string) => [
    ...[folder, entry.isFavorite ? '1' : '', type, textOf(entry.name)],
  ]
  if (entry.kind === 'note')
    return [...head('', 'note'), textOf(entry.content), '', '0', '', '', '', '']
  const details = detailsOf(entry)
  const fields = [...conventionFields(details), ...details.others]
  return [
    ...head(details.folder, 'login'),
    details.notes,
    fields.map(({ name, value }) => `${name}: ${value}`).join('\n'),
    '0',
    details.urls.join(','),
    textOf(entry.login),
    textOf(entry.password),
    details.totp,
  ]
}

function textOf(value: OpenEntry['name']): string {
  return isReadable(value) ? value : ''
}
