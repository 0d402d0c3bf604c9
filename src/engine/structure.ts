/**
 * The structure of tables as data: columns, constraints and indexes, read from the engine's own catalogue, never from how a
 * statement was written. Both engines describe equal tables by equal parts, so that the structure of a database can be
 * compared with the one that the migrations create.
 */

/** One part of a table. */
export interface TablePart {
  /** Identifies the part among those of its table: `column email`, `unique (email)`. Several parts can have the same key. */
  readonly key: string
  /** What parts with the same key must agree in. */
  readonly definition: string
  /** The part for people: `the column email of users`. */
  readonly label: string
  /** The name of an index; null for other parts, and for indexes that SQLite names. */
  readonly index: string | null
  /**
   * Whether the part can't change, refuse or hide rows: an index of plain columns that is not unique. It may exist or be
   * missing.
   */
  readonly isHarmless: boolean
  /** The statement that removes the part; null if the engine has none and the table has to be created again. */
  readonly removal: string | null
}

/** An object that can change, refuse or hide rows, or that prevents tables from being dropped. */
export interface ActingObject {
  readonly label: string
  /** The statement that removes it. */
  readonly removal: string
}

/** A table, view or index that is not ours, and does not belong to one of our tables. */
export interface NamedObject {
  readonly name: string
  /** As in `drop KIND`. */
  readonly kind: string
}

/** What a database contains, from the point of view of some of its tables. */
export interface DatabaseStructure {
  /** The parts of those tables that exist. */
  readonly tables: ReadonlyMap<string, readonly TablePart[]>
  /** What acts on those tables without being a part of them. */
  readonly acting: readonly ActingObject[]
  /** Everything else that has a name in the same schema. */
  readonly others: readonly NamedObject[]
  /** What does not act, but should be known: sentences for people. */
  readonly notes: readonly string[]
}

/** Returns a name as a quoted identifier, on either engine. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
