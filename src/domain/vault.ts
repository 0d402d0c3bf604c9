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

/** What every kind of vault entry can tell of one. */
export interface EntryReads {
  /** The id of the user that a row belongs to, null when there is no such row. */
  findOwner(id: string): Promise<string | null>
}

export interface RecordReads extends EntryReads {
  /** In insertion order, with a number of queries that does not depend on the number of records. */
  listByOwner(owner: string): Promise<readonly VaultRecordWithFields[]>
}

export interface NoteReads extends EntryReads {
  /** In insertion order. */
  listByOwner(owner: string): Promise<readonly Note[]>
}

export interface EntryWrites<Content> extends EntryReads {
  /** False, and nothing changed, when the id is taken. Throws `unauthenticated` when the owner is gone. */
  insert(entry: VaultEntry & Content): Promise<boolean>
  /** False when the owner has no such entry. */
  update(entry: Omit<VaultEntry, 'creationTime'> & Content): Promise<boolean>
  /** False when the owner has no such entry outside the trash. Leaves the update time as it is. */
  trash(owner: string, id: string): Promise<boolean>
  /** False when the owner has no such entry in the trash. A record takes its additional fields with it. */
  deleteTrashed(owner: string, id: string): Promise<boolean>
}

export interface AdditionalFieldReads {
  /** In insertion order. */
  listByRecord(recordId: string): Promise<readonly AdditionalField[]>
  /** The id of the user whose record the field hangs on, null when there is no such field. */
  findOwner(id: string): Promise<string | null>
}

export interface AdditionalFieldWrites {
  /** False, and nothing changed, when the id is taken. Throws `not_found` when the record is gone. */
  insert(field: AdditionalField): Promise<boolean>
  /** False when the owner has no such field. */
  update(owner: string, field: AdditionalFieldChange): Promise<boolean>
  /** False when the owner has no such field. */
  delete(owner: string, id: string): Promise<boolean>
}
