import type { AgeLimit } from './known-time'

/** Kinds of events in the audit log. They are stored, and shown to operators: never rename one. */
export type AuditKind =
  | 'sign-up'
  | 'login'
  /** Wrong credentials. */
  | 'login-failed'
  /** Right credentials of an account that is disabled or not confirmed. */
  | 'login-refused'
  /** Credentials that were not checked, after too many wrong ones. */
  | 'login-limited'
  | 'confirmation'
  | 'sessions-ended'
  | 'password-changed'
  /** The owner deleted the history of the vault. */
  | 'history-deleted'
  | 'user-added'
  | 'user-disabled'
  | 'user-enabled'
  | 'user-deleted'
  /** The owner deleted the account, which is hidden until it is gone for good. */
  | 'user-left'
  /** An operator brought an account back that its owner had deleted. */
  | 'user-undeleted'
  /** An operator brought back a former version of an entry. */
  | 'entry-restored'
  /** Accounts that were not confirmed in time, and removed. */
  | 'users-expired'
  | 'invited'
  | 'uninvited'
  | 'restored'
  | 'adopted'
  | 'copied'
  | 'recreated'
  | 'key-rotated'
  /** The first row of a log. */
  | 'trail-begun'
  /** The rows before were signed again, under another key. */
  | 'trail-carried'
  /** The rows before were tampered with. */
  | 'trail-broken'
  /** An operator accepted a log that was tampered with. */
  | 'trail-accepted'

/**
 * An event for the audit log. Its texts are storable (`isStorable`). None of them is a secret or text from a client without a
 * session.
 */
export interface AuditEvent {
  /** Milliseconds since 1970 (UTC). */
  readonly time: number
  readonly kind: AuditKind
  /** Who caused it. */
  readonly actor: 'user' | 'operator' | 'server'
  /** The account that the event is about, null for none. */
  readonly userId: string | null
  /** The account's email at that time, in lower case: the account may be deleted later. */
  readonly email: string | null
  /** IP address of the client; null if unknown, and for commands. */
  readonly address: string | null
  /** How many events of this kind the row stands for. */
  readonly count: number
  readonly detail: string | null
}

/** A row of the audit log as it was read. It may have been tampered with, so kind and actor can be any text. */
export interface AuditRow extends Omit<AuditEvent, 'kind' | 'actor'> {
  readonly number: number
  readonly kind: string
  readonly actor: string
}

/** Selects rows of the audit log. */
export interface AuditQuery {
  /** Rows with a higher number. */
  readonly after: number
  /** Maximum number of rows. */
  readonly limit: number
  /** Rows from this time on, in milliseconds since 1970 (UTC); null for all. */
  readonly since: number | null
  /** Email in lower case, or id, of an account that may be deleted by now; null for all. */
  readonly user: string | null
}

/** What happened to a row of the log. `missing`: it was removed or changed, and not by snailpass. */
export type RowStatus = 'found' | 'pruned' | 'missing'

export interface AuditReads {
  /** Returns rows in the order in which they were written. */
  list(query: AuditQuery): Promise<readonly AuditRow[]>
  /**
   * Returns the head of the log: number and signature of the newest row, like `17:3f…`; null for an empty log. A copy of it
   * that is kept elsewhere shows later whether rows were removed.
   */
  findNewest(): Promise<string | null>
  /** Returns the status of the row that `findNewest` returned as `value`. */
  getRowStatus(value: string): Promise<RowStatus>
}

export interface AuditWrites {
  /** Appends an event when the transaction commits. A transaction that fails appends nothing. */
  record(event: AuditEvent): void
  /**
   * Removes up to `maxRows` rows from the start of the log that are older than `limit`, and leaves a signed checkpoint. Rows
   * with an impossible time (after its `now`, before its `earliest`) come from a wrong clock: they are removed only if a row
   * that is old follows.
   * Returns the number of removed rows; `isDone` is false if there may be more. Throws `conflict` if the rows were tampered
   * with, or report tampering that no operator has accepted: they are the evidence.
   */
  prune(limit: AgeLimit, maxRows: number): Promise<{ pruned: number; isDone: boolean }>
}

/** Signs the rows of the audit log with a key that is not in the database. */
export interface AuditSigner {
  /** Returns a signature of the values. Different lists have different signatures. */
  sign(values: readonly (string | number | null)[]): string
}

/** The members of an event that is about no account. */
const eventDefaults = { userId: null, email: null, address: null, count: 1, detail: null } as const

/** Returns an event that an operator caused by a command. */
export function operatorEvent(
  time: number,
  kind: AuditKind,
  about: Partial<Pick<AuditEvent, 'userId' | 'email' | 'detail'>> = {},
): AuditEvent {
  return { time, kind, actor: 'operator', ...eventDefaults, ...about }
}

/** Returns an event that the server caused, not a user or operator. */
export function serverEvent(
  time: number,
  kind: AuditKind,
  about: Partial<Pick<AuditEvent, 'userId' | 'email' | 'count' | 'detail'>> = {},
): AuditEvent {
  return { time, kind, actor: 'server', ...eventDefaults, ...about }
}

/** Returns an event that a user caused, or a client that claims to be one. `user` is null for an unknown account. */
export function userEvent({
  time,
  kind,
  user,
  address,
}: Pick<AuditEvent, 'time' | 'kind' | 'address'> & {
  readonly user: { readonly id: string; readonly email: string } | null
}): AuditEvent {
  return {
    ...{ time, kind, actor: 'user', ...eventDefaults },
    ...{ userId: user?.id ?? null, email: user?.email ?? null, address },
  }
}
