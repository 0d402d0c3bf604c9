import type { ColumnType, Generated } from 'kysely'

/**
 * The tables as the code sees them. Names are the original server's where the meaning is the same, so that
 * its database can be adopted in place; `seq` is the insertion order that the contract promises.
 */
export interface Schema {
  users: UsersTable
  known_addresses: KnownAddressesTable
  invitations: InvitationsTable
  records: RecordsTable
  notes: NotesTable
  additional_fields: AdditionalFieldsTable
  set_aside: SetAsideTable
  outbox: OutboxTable
  audit: AuditTable
  audit_marks: AuditMarksTable
  facts: FactsTable
}

/** SQLite has no booleans and answers 0 or 1. */
type Flag = ColumnType<boolean | number, boolean, boolean>

/** Milliseconds since 1970 (UTC). */
type Time = number

interface UsersTable {
  seq: Generated<number>
  id: string
  /** Lower-cased, unique. */
  email: string
  /** The verifier: never the master password hash itself. */
  master_password_hash: string
  hint: string | null
  email_confirmed: Flag
  session_epoch: string
  creation_time: Time
  /** When a letter was asked for last. */
  letter_time: Time | null
  disabled: Flag
  /** When somebody signed in last, known to the minute; null before the first time. */
  login_time: Time | null
}

/** A network from which somebody has signed in to an account. */
interface KnownAddressesTable {
  seq: Generated<number>
  user_id: string
  /** An IPv4 address, or an IPv6 network of 64 bits. */
  network: string
  /** When that was last, known to the day. */
  time: Time
}

/** An address that may sign up although not everybody may. Gone once it has. */
interface InvitationsTable {
  seq: Generated<number>
  /** Lower-cased, unique. */
  email: string
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

/** A row of an adopted database that could not be taken over. */
interface SetAsideTable {
  seq: Generated<number>
  /** The table where it lay. */
  origin: string
  reason: string
  /** All of it, as JSON. */
  content: string
}

interface OutboxTable {
  seq: Generated<number>
  id: string
  /** The account that a letter is about; null for an invitation's. */
  user_id: string | null
  /** The address that was invited; null for an account's. */
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
  /** Numbers go on by one; the trail gives them by itself. */
  seq: number
  time: Time
  kind: string
  actor: string
  user_id: string | null
  email: string | null
  address: string | null
  count: number
  detail: string | null
  /** Signs the row and the one before; empty before the database has a key. */
  mac: string
}

/** The last row that was pruned (`begin`) and the newest one (`head`), each signed. */
interface AuditMarksTable {
  seq: Generated<number>
  name: string
  number: number
  mac: string
  seal: string
}

/** What the database knows of itself. */
interface FactsTable {
  name: string
  value: string
}
