import type { ColumnType, Generated } from 'kysely'

/**
 * The tables as the code uses them. Where the meaning is the same, names are those of the original server, so that its
 * database can be adopted in place. `seq` is the insertion order, in which the wire contract returns rows.
 */
export interface Schema {
  users: UsersTable
  devices: DevicesTable
  invitations: InvitationsTable
  records: RecordsTable
  notes: NotesTable
  additional_fields: AdditionalFieldsTable
  history: HistoryTable
  set_aside: SetAsideTable
  outbox: OutboxTable
  audit: AuditTable
  audit_marks: AuditMarksTable
  facts: FactsTable
}

/** SQLite has no booleans and returns 0 or 1. */
type Flag = ColumnType<boolean | number, boolean, boolean>

/** Milliseconds since 1970 (UTC). */
type Time = number

interface UsersTable {
  seq: Generated<number>
  id: string
  /** In lower case, unique. */
  email: string
  /** The password hash: a slow hash of the master password hash, which is not stored itself. */
  master_password_hash: string
  hint: string | null
  email_confirmed: Flag
  session_epoch: string
  creation_time: Time
  /** When the last confirmation email was requested. */
  letter_time: Time | null
  disabled: Flag
  /** When the user last signed in, precise to the minute. Null before the first time. */
  login_time: Time | null
  /** The form of `email` that all spellings of the mailbox share; derived from it. */
  canonical_email: string | null
  /**
   * Distinguishes accounts of one mailbox, which have been possible before there was a canonical form: 0 for the oldest. Unique
   * together with `canonical_email`.
   */
  twin: number | null
  /** Raised by every change of the vault. */
  revision: Generated<number>
  /** When the owner deleted the account, which is hidden since then. Null if that has not happened. */
  deletion_time: Time | null
  /** That of the last version in its history. */
  history_number: Generated<number>
  /** The sum of the sizes in its history. */
  history_bytes: Generated<number>
}

/** A kind of client with which a user has signed in from a network. Unique by these three. */
interface DevicesTable {
  seq: Generated<number>
  user_id: string
  /** A `DeviceKind`. */
  kind: string
  /** An IPv4 address, or an IPv6 network of 64 bits. */
  network: string
  /** When the user first signed in from there. Null if that was before it was stored. */
  first_time: Time | null
  /** When the user last signed in from there, precise to the day. */
  time: Time
}

/** An email address that may sign up although sign-up is not open to everyone. Deleted at sign-up. */
interface InvitationsTable {
  seq: Generated<number>
  /** In lower case, unique. */
  email: string
  /** As in `UsersTable`. */
  canonical_email: string | null
  creation_time: Time
}

/** The columns that records and notes share. */
interface EntriesTable {
  seq: Generated<number>
  id: string
  user_id: string
  is_favorite: Flag
  is_deleted: Flag
  creation_time: Time
  update_time: Time
  /** That of the account at the last change of the entry, or of one of its additional fields. */
  revision: Generated<number>
}

interface RecordsTable extends EntriesTable {
  name: string
  login: string
  password: string
}

interface NotesTable extends EntriesTable {
  name: string
  content: string
}

interface AdditionalFieldsTable {
  seq: Generated<number>
  id: string
  name: string
  value: string
  record_id: string
}

/** A former state of a record or note. */
interface HistoryTable {
  seq: Generated<number>
  user_id: string
  /** Unique in the account. No later version gets it, unlike `seq`. */
  number: number
  kind: string
  entry_id: string
  /** The `seq` of the entry. */
  entry_seq: number
  reason: string
  /** When it was kept. */
  time: Time
  /** Bytes, counted as in the size of a vault. */
  size: number
  is_favorite: Flag
  is_deleted: Flag
  creation_time: Time
  update_time: Time
  name: string
  /** Null for a note. */
  login: string | null
  /** Null for a note. */
  password: string | null
  /** Null for a record. */
  content: string | null
  /** The additional fields of a record, as a JSON array of `[seq, id, name, value]`. Null for a note. */
  fields: string | null
}

/** A row of a database of the original server that could not be adopted, with its old content. */
interface SetAsideTable {
  seq: Generated<number>
  /** The table that it was in. */
  origin: string
  reason: string
  /** All its columns, as JSON. */
  content: string
}

/** An email that is queued or `dead`: no further attempt is scheduled. */
interface OutboxTable {
  seq: Generated<number>
  id: string
  /** The account that the email is about. Null for an invitation. */
  user_id: string | null
  /** The email address that was invited. Null for an email about an account. */
  invitation: string | null
  kind: string
  base_url: string
  state: string
  creation_time: Time
  next_time: Time
  attempts: number
  lease: string | null
  reason: string | null
}

interface AuditTable {
  /** Consecutive, and assigned by the audit log itself. */
  seq: number
  time: Time
  kind: string
  actor: string
  user_id: string | null
  email: string | null
  address: string | null
  count: number
  detail: string | null
  /** Signs this row and the one before. Empty while the database has no key. */
  mac: string
}

/** The signed checkpoints of the audit log: the last row that was pruned (`begin`) and the newest row (`head`). */
interface AuditMarksTable {
  seq: Generated<number>
  name: string
  number: number
  mac: string
  /** The signature of the checkpoint. */
  seal: string
}

/** Values that belong to this one database and are never copied to another. */
interface FactsTable {
  name: string
  value: string
}
