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

/** Records or notes. */
export type EntryKind = 'record' | 'note'

/**
 * Writes to the entries of one vault. Before ciphertext is replaced or deleted, the entry is kept in the history of the vault, whole:
 * see `HistoryKeeping`.
 */
export interface EntryWrites<Content> {
  /**
   * Returns false, and changes nothing, if the id is taken. An entry comes last, or in the order that it had before it was deleted
   * if `order` says that, and no other entry has taken its place.
   */
  insert(entry: Omit<VaultEntry, 'owner'> & Content, order?: number): Promise<boolean>
  /** Returns false if the vault has no such entry. */
  update(entry: Omit<VaultEntry, 'owner' | 'creationTime'> & Content): Promise<boolean>
  /** Moves an entry to the trash and keeps its update time. Returns false if the vault has no such entry outside the trash. */
  trash(id: string): Promise<boolean>
  /** Deletes an entry, and the additional fields of a record. Returns false if the vault has no such entry in the trash. */
  deleteTrashed(id: string): Promise<boolean>
  /** Deletes entries, whether they are in the trash or not. Does nothing for those that the vault has not. */
  deleteAll(ids: readonly string[]): Promise<void>
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

/** Writes to the additional fields of one vault. A field is kept in the history as a part of its record. */
export interface AdditionalFieldWrites {
  /** Changes nothing unless the field is added. */
  insert(field: AdditionalField): Promise<'added' | 'id taken' | 'no such record'>
  /** Returns false if the vault has no such field. */
  update(field: AdditionalFieldChange): Promise<boolean>
  /** Returns false if the vault has no such field. */
  delete(id: string): Promise<boolean>
  /** Deletes all fields of some records of the vault. The caller has kept these records, and changes them in the same transaction. */
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

/** How entries are kept in the history of a vault. */
export interface HistoryKeeping {
  /** The present time, in milliseconds since 1970 (UTC). */
  readonly now: number
  /** Maximum size of the history, in bytes. The oldest versions go first; a version that is larger than that is not kept. */
  readonly maxBytes: number
}

/** The history of a vault in a write transaction. */
export interface VaultHistory {
  /**
   * Keeps entries as they are, before their ciphertext is replaced; of an entry of which a version is recent (`versionInterval`), that
   * version is enough. A later replacement of these entries in the same transaction keeps nothing more.
   */
  keepReplaced(kind: EntryKind, ids: readonly string[]): Promise<void>
  /** As `keepReplaced`, even if a version is recent. */
  keepAlways(kind: EntryKind, ids: readonly string[]): Promise<void>
  /** Deletes all versions of all entries. */
  forget(): Promise<void>
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
  readonly history: VaultHistory
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
  open(
    session: { readonly id: string; readonly sessionEpoch: string },
    /** Null: the former state of what is changed is not kept. */
    keeping: HistoryKeeping | null,
  ): Promise<WritableVault | null>
}
