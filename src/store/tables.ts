import type { Schema } from './schema'

/** How a value is copied from one engine to the other: a flag is a boolean on Postgres and 0 or 1 on SQLite. */
export type ColumnKind = 'number' | 'text' | 'flag'

export function isColumnKind(value: unknown): value is ColumnKind {
  return value === 'number' || value === 'text' || value === 'flag'
}

export interface Table {
  readonly name: TableName
  readonly columns: Readonly<Record<string, ColumnKind>>
}

/** All tables but `facts`, which belongs to one database and is never copied. */
type TableName = Exclude<keyof Schema, 'facts'>

/** Columns that are never copied: those that `completeCopiedRows` computes from others, and those of which a new database begins with 0. */
export const derivedColumns = [
  'canonical_email',
  'twin',
  'revision',
  'history_number',
  'history_bytes',
] as const

type ColumnsOf<Name extends TableName> = Readonly<
  Record<Exclude<keyof Schema[Name], (typeof derivedColumns)[number]>, ColumnKind>
>

const entry = {
  seq: 'number',
  id: 'text',
  user_id: 'text',
  is_favorite: 'flag',
  is_deleted: 'flag',
  creation_time: 'number',
  update_time: 'number',
} as const

const columns: { readonly [Name in TableName]: ColumnsOf<Name> } = {
  users: {
    seq: 'number',
    id: 'text',
    email: 'text',
    master_password_hash: 'text',
    hint: 'text',
    email_confirmed: 'flag',
    session_epoch: 'text',
    creation_time: 'number',
    letter_time: 'number',
    disabled: 'flag',
    login_time: 'number',
    deletion_time: 'number',
  },
  devices: {
    seq: 'number',
    user_id: 'text',
    kind: 'text',
    network: 'text',
    first_time: 'number',
    time: 'number',
  },
  invitations: { seq: 'number', email: 'text', creation_time: 'number' },
  records: { ...entry, name: 'text', login: 'text', password: 'text' },
  notes: { ...entry, name: 'text', content: 'text' },
  additional_fields: {
    seq: 'number',
    id: 'text',
    record_id: 'text',
    name: 'text',
    value: 'text',
  },
  history: {
    seq: 'number',
    user_id: 'text',
    number: 'number',
    kind: 'text',
    entry_id: 'text',
    entry_seq: 'number',
    reason: 'text',
    time: 'number',
    size: 'number',
    is_favorite: 'flag',
    is_deleted: 'flag',
    creation_time: 'number',
    update_time: 'number',
    name: 'text',
    login: 'text',
    password: 'text',
    content: 'text',
    fields: 'text',
  },
  outbox: {
    seq: 'number',
    id: 'text',
    user_id: 'text',
    invitation: 'text',
    kind: 'text',
    base_url: 'text',
    state: 'text',
    creation_time: 'number',
    next_time: 'number',
    attempts: 'number',
    lease: 'text',
    reason: 'text',
  },
  set_aside: { seq: 'number', origin: 'text', reason: 'text', content: 'text' },
  audit: {
    seq: 'number',
    time: 'number',
    kind: 'text',
    actor: 'text',
    user_id: 'text',
    email: 'text',
    address: 'text',
    count: 'number',
    detail: 'text',
    mac: 'text',
  },
  audit_marks: { seq: 'number', name: 'text', number: 'number', mac: 'text', seal: 'text' },
}

/**
 * Every table with data of users, in an order in which they can be filled: a table comes after those that it
 * references.
 */
export const tables: readonly Table[] = (
  [
    'users',
    'devices',
    'invitations',
    'records',
    'notes',
    'additional_fields',
    'history',
    'outbox',
    'set_aside',
    'audit',
    'audit_marks',
  ] as const
).map((name) => ({ name, columns: columns[name] }))

/** Tables and columns that older backups lack or name otherwise, and what they contain after restoring one. */
export interface SchemaAdditions {
  /** The names that tables had before. A backup has a table under one of its names. */
  readonly formerNames: { readonly [Name in TableName]?: string }
  /** Tables that are empty then. */
  readonly tables: readonly TableName[]
  /** Columns, with the value that every row gets. Flags are 0 or 1. */
  readonly columns: {
    readonly [Name in TableName]?: Readonly<Record<string, number | string | null>>
  }
}

/** Must list each table and column that is added from now on. */
export const schemaAdditions: SchemaAdditions = {
  formerNames: { devices: 'known_addresses' },
  tables: ['devices', 'audit', 'audit_marks', 'history'],
  columns: { users: { deletion_time: null }, devices: { kind: 'unknown', first_time: null } },
}
