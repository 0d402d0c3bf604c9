/** `data:iv` from the client. The server checks that shape only and can't decrypt it. */
export type Ciphertext = string

/** What records and notes have in common. They are moved to the trash before they are deleted. */
export interface VaultEntry {
  readonly id: string
  /** Id of the user that the entry belongs to. */
  readonly owner: string
  readonly isFavorite: boolean
  readonly isTrashed: boolean
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
  /** Milliseconds since 1970 (UTC). */
  readonly updateTime: number
}

/** The encrypted part of a record. */
export interface RecordContent {
  readonly name: Ciphertext
  readonly login: Ciphertext
  readonly password: Ciphertext
}

/** A record (one login entry) without its additional fields. */
export interface VaultRecord extends VaultEntry, RecordContent {}

/** A record with its additional fields. */
export interface VaultRecordWithFields extends VaultRecord {
  readonly additionalFields: readonly AdditionalField[]
}

/** A name and a value that a user has added to a record. */
export interface AdditionalField {
  readonly id: string
  readonly recordId: string
  readonly name: Ciphertext
  readonly value: Ciphertext
}

/** The encrypted part of a note. */
export interface NoteContent {
  readonly name: Ciphertext
  readonly content: Ciphertext
}

export interface Note extends VaultEntry, NoteContent {}

/** The part of an entry that a client sets. `Content` is `RecordContent` or `NoteContent`. */
export type EntryInput<Content> = Content & Pick<VaultEntry, 'id' | 'isFavorite' | 'isTrashed'>

export type RecordInput = EntryInput<RecordContent>

export type NoteInput = EntryInput<NoteContent>

/** The part of a field that can be changed: all but its record. */
export type AdditionalFieldChange = Omit<AdditionalField, 'recordId'>

/** An entry with the revision of its last change, or that of one of its fields. It is a number like `UserWithRevision.revision`. */
export type Revised<Entry> = Entry & { readonly revision: number }

/** Reads that records and notes have in common. */
export interface EntryReads {
  /** Returns the id of the user that an entry belongs to, null if there is no such entry. */
  findOwner(id: string): Promise<string | null>
}

export interface RecordReads extends EntryReads {
  /** Returns records in insertion order. The number of queries does not depend on the number of records. */
  listByOwner(owner: string): Promise<readonly Revised<VaultRecordWithFields>[]>
  /** As `listByOwner`, those with one of the ids. */
  listByIds(
    owner: string,
    ids: readonly string[],
  ): Promise<readonly Revised<VaultRecordWithFields>[]>
}

export interface NoteReads extends EntryReads {
  /** Returns notes in insertion order. */
  listByOwner(owner: string): Promise<readonly Revised<Note>[]>
  /** As `listByOwner`, those with one of the ids. */
  listByIds(owner: string, ids: readonly string[]): Promise<readonly Revised<Note>[]>
}

/** Writes to the entries of one vault. */
export interface EntryWrites<Content> {
  /** Returns false, and changes nothing, if the id is taken. */
  insert(entry: Omit<VaultEntry, 'owner'> & Content): Promise<boolean>
  /** Returns false if the vault has no such entry. */
  update(entry: Omit<VaultEntry, 'owner' | 'creationTime'> & Content): Promise<boolean>
  /** Moves an entry to the trash and keeps its update time. Returns false if the vault has no such entry outside the trash. */
  trash(id: string): Promise<boolean>
  /** Deletes an entry, and the additional fields of a record. Returns false if the vault has no such entry in the trash. */
  deleteTrashed(id: string): Promise<boolean>
  /** As `deleteTrashed`, whether the entry is in the trash or not. */
  delete(id: string): Promise<boolean>
}

export interface AdditionalFieldReads {
  /**
   * Returns the fields of a record in insertion order, if it is the user's. `owner` is the user that the record belongs to, null if
   * there is no such record.
   */
  listByRecord(
    recordId: string,
    user: string,
  ): Promise<{ readonly owner: string | null; readonly fields: readonly AdditionalField[] }>
  /** Returns the id of the user whose record the field belongs to, null if there is no such field. */
  findOwner(id: string): Promise<string | null>
}

/** Writes to the additional fields of one vault. */
export interface AdditionalFieldWrites {
  /** Changes nothing unless the field is added. */
  insert(field: AdditionalField): Promise<'added' | 'id taken' | 'no such record'>
  /** Returns false if the vault has no such field. */
  update(field: AdditionalFieldChange): Promise<boolean>
  /** Returns false if the vault has no such field. */
  delete(id: string): Promise<boolean>
  /** Deletes all fields of some records of the vault. The caller changes these records in the same transaction. */
  deleteOfRecords(recordIds: readonly string[]): Promise<void>
  /** Inserts fields of a record that the caller has inserted or changed in the same transaction. Returns false if an id is taken. */
  insertAll(recordId: string, fields: readonly AdditionalFieldChange[]): Promise<boolean>
}

/** A vault that its owner has encrypted with another key: the ciphertext of every row, and nothing else of it. */
export interface RekeyedVault {
  readonly records: readonly (RecordContent & {
    readonly id: string
    readonly additionalFields: readonly AdditionalFieldChange[]
  })[]
  readonly notes: readonly (NoteContent & { readonly id: string })[]
}

/** A vault in a write transaction that has raised its revision. There is no other way to write to a vault. */
export interface WritableVault {
  readonly owner: string
  /** The new revision. */
  readonly revision: number
  readonly records: EntryWrites<RecordContent>
  readonly notes: EntryWrites<NoteContent>
  readonly additionalFields: AdditionalFieldWrites
  /**
   * Replaces the ciphertext of all rows; times, flags and order stay. Returns false, and changes nothing, unless exactly the rows of
   * the vault are given, with those in the trash, and each field under its record.
   */
  rekey(vault: RekeyedVault): Promise<boolean>
}

export interface VaultReads {
  /** Returns the bytes of all texts of an account in UTF-8, plus `rowOverheadBytes` for each entry and additional field. */
  size(owner: string): Promise<number>
}

export interface VaultWrites {
  /**
   * Raises the revision of a vault, and returns the vault. Null if the session has ended, or the account is disabled or deleted;
   * neither can happen before the transaction ends. The first statement of a transaction, on Postgres too: it waits for other
   * writers of the vault, and what is read afterwards contains their changes.
   */
  open(session: {
    readonly id: string
    readonly sessionEpoch: string
  }): Promise<WritableVault | null>
}
