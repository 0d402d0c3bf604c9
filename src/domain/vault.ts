/** `data:iv` as a client made it. The server checks its shape and never looks inside. */
export type Ciphertext = string

/** What records and notes have in common: an owner, two flags, and a place in the trash before they are deleted. */
export interface VaultEntry {
  readonly id: string
  /** The id of the user it belongs to. */
  readonly owner: string
  readonly isFavorite: boolean
  readonly isTrashed: boolean
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
  /** Milliseconds since 1970 (UTC). */
  readonly updateTime: number
}

/** What a client encrypts of one login entry. */
export interface RecordContent {
  readonly name: Ciphertext
  readonly login: Ciphertext
  readonly password: Ciphertext
}

/** One login entry, without its additional fields. */
export interface VaultRecord extends VaultEntry, RecordContent {}

/** One login entry with the additional fields that hang on it. */
export interface VaultRecordWithFields extends VaultRecord {
  readonly additionalFields: readonly AdditionalField[]
}

/** A name and a value of the user's own, hung on a record. */
export interface AdditionalField {
  readonly id: string
  readonly recordId: string
  readonly name: Ciphertext
  readonly value: Ciphertext
}

/** What a client encrypts of a note. */
export interface NoteContent {
  readonly name: Ciphertext
  readonly content: Ciphertext
}

export interface Note extends VaultEntry, NoteContent {}

/** What a client may set of an entry. `Content` is what tells a record from a note. */
export type EntryInput<Content> = Content & Pick<VaultEntry, 'id' | 'isFavorite' | 'isTrashed'>

export type RecordInput = EntryInput<RecordContent>

export type NoteInput = EntryInput<NoteContent>

/** What can be changed of a field; the record that it hangs on cannot. */
export type AdditionalFieldChange = Omit<AdditionalField, 'recordId'>
