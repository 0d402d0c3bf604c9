/**
 * Files of other password managers, of browsers and of this program: what they hold, what of it becomes which entry, and what
 * does not. Everything that is not taken as it is has a remark or a refusal, for a person to read before anything is saved.
 */
import type { RecordDetails } from '../model/fields'

export type ImportFormat =
  | ('snailpass' | 'bitwarden-json' | 'bitwarden-csv')
  | ('chromium' | 'firefox' | 'safari' | 'keepassxc' | 'lastpass' | '1password' | 'generic')

/** A row of a table or an item of a list, as an entry of a vault would have it. */
export type ImportItem = ImportRecord | ImportNote

interface ImportHead {
  readonly name: string
  readonly isFavorite: boolean
  readonly isTrashed: boolean
}

export interface ImportRecord extends ImportHead {
  readonly kind: 'record'
  readonly login: string
  readonly password: string
  readonly details: RecordDetails
}

export interface ImportNote extends ImportHead {
  readonly kind: 'note'
  readonly content: string
}

/** What is different in the vault than in the file. */
export type ImportRemark =
  /** The file has no name for it. */
  | { readonly code: 'named'; readonly name: string }
  /** More fields than four: these are lines of the notes. */
  | { readonly code: 'moved-to-notes'; readonly names: readonly string[] }
  /** A kind of item that vaults do not have, such as a card. */
  | { readonly code: 'kept-as-record'; readonly type: string }
  /** Members or columns of the file that an entry has no place for. */
  | { readonly code: 'not-taken'; readonly what: readonly string[] }
  /** Empty, so the Android app can't edit the record. */
  | { readonly code: 'android-cant-edit'; readonly members: readonly ('login' | 'password')[] }
  /** An entry with the same name, login, password and address is there, and differs in these. */
  | { readonly code: 'differs'; readonly members: readonly string[] }

/** Why an item is not taken at all. */
export type ImportRefusal =
  | { readonly code: 'empty' | 'malformed' }
  | { readonly code: 'unknown-type'; readonly type: string }
  | { readonly code: 'too-long'; readonly member: string }

/** One row or item of a file. `number` counts from 1 and stays the same for the same file. */
export interface ImportRow {
  readonly number: number
  readonly result:
    | { readonly item: ImportItem; readonly remarks: readonly ImportRemark[] }
    | { readonly refusal: ImportRefusal; readonly name: string }
}

/** A column of a table, and what its values become. */
export interface ImportColumn {
  readonly name: string
  readonly target: ColumnTarget
  /** How many rows have a value there. */
  readonly filled: number
}

export type ColumnTarget =
  | ('name' | 'login' | 'password' | 'url' | 'totp' | 'notes' | 'tags' | 'folder' | 'favorite')
  /** An additional field with the name of the column. */
  | 'field'
  | 'not-taken'
  /** Read together with other columns, by the rules of the format. */
  | 'special'

/** A file that was read. */
export interface ImportSource {
  readonly format: ImportFormat
  readonly rows: readonly ImportRow[]
  /** Of a table; empty for other files. */
  readonly columns: readonly ImportColumn[]
}

/** Why a file can't be read. */
export type ImportProblem =
  | { readonly problem: 'encoding' | 'encrypted' | 'empty' | 'unknown-json' }
  /** A table of no known program: a person has to say what its columns are. */
  | { readonly problem: 'unknown-table'; readonly suggested: readonly ImportColumn[] }

/** Returns the host of an address, null for what is none. */
function hostOf(url: string): string | null {
  const address = url.includes('://') ? url : `https://${url}`
  return URL.canParse(address) ? new URL(address).hostname || null : null
}

/** Returns the name of an item, or what can stand for it. */
export function nameItem(
  name: string,
  alternatives: {
    readonly number: number
    readonly urls: readonly string[]
    readonly login: string
  },
): { readonly name: string; readonly remarks: readonly ImportRemark[] } {
  if (name.trim() !== '') return { name: name.trim(), remarks: [] }
  const host = alternatives.urls.map(hostOf).find((each) => each !== null)
  const other = host?.replace(/^www\./, '') || alternatives.login || `#${alternatives.number}`
  return { name: other, remarks: [{ code: 'named', name: other }] }
}
