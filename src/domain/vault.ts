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

/** What a client may set of an entry. `Content` is what tells a record from a note. */
export type EntryInput<Content> = Content & Pick<VaultEntry, 'id' | 'isFavorite' | 'isTrashed'>
