/** What the audit trail tells of. Each word stands in the database and in what operators read. */
export type AuditKind =
  | 'sign-up'
  | 'login'
  /** Wrong credentials. */
  | 'login-failed'
  /** Right credentials of an account that is disabled or not confirmed. */
  | 'login-refused'
  /** Credentials that nobody looked at, after too many wrong ones. */
  | 'login-limited'
  | 'confirmation'
  | 'sessions-ended'
  | 'user-added'
  | 'user-disabled'
  | 'user-enabled'
  | 'user-deleted'
  /** Accounts that nobody confirmed in time. */
  | 'users-expired'
  | 'invited'
  | 'uninvited'
  | 'restored'
  | 'adopted'
  | 'copied'
  | 'recreated'
  | 'key-rotated'
  /** The first row that was ever written here. */
  | 'trail-begun'
  /** Rows from elsewhere that were signed anew. */
  | 'trail-carried'
  /** What was there before was not what had been written. */
  | 'trail-broken'
  /** An operator has the trail go on although it was broken. */
  | 'trail-accepted'

/** Something that happened. Texts can be stored (`isStorable`); none of them is a secret or what a stranger typed. */
export interface AuditEvent {
  /** Milliseconds since 1970 (UTC). */
  readonly time: number
  readonly kind: AuditKind
  /** Who did it. */
  readonly actor: 'user' | 'operator' | 'server'
  /** The account that it was about, null for none. */
  readonly userId: string | null
  /** Its email as it was then, lower-cased: the account may be gone when somebody reads of it. */
  readonly email: string | null
  /** Where it came from; null for the command line, and where nobody can tell. */
  readonly address: string | null
  /** How many times. */
  readonly count: number
  readonly detail: string | null
}

/** An event in its place in the trail, as it was found there: what it says of itself may be anybody's. */
export interface AuditRow extends Omit<AuditEvent, 'kind' | 'actor'> {
  readonly number: number
  readonly kind: string
  readonly actor: string
}

/** Which rows are wanted. */
export interface AuditQuery {
  /** Only those behind this number. */
  readonly after: number
  readonly limit: number
  /** Milliseconds since 1970 (UTC). */
  readonly since: number | null
  /** Email, lower-cased, or id of an account, also of one that is gone. */
  readonly user: string | null
}

/** Of a row that was in the trail once: missing is one that was taken away or changed. */
export type RowStatus = 'found' | 'pruned' | 'missing'

export interface AuditReads {
  /** Rows in the order in which they were written. */
  list(query: AuditQuery): Promise<readonly AuditRow[]>
  /**
   * The number of the newest row and its value, as `17:3f…`; null before the first. Whoever keeps it can tell later
   * whether the trail was cut.
   */
  findNewest(): Promise<string | null>
  /** What became of the row with such a value. */
  getRowStatus(value: string): Promise<RowStatus>
}

export interface AuditWrites {
  /** Puts an event into the trail at the end of this scope: both are committed, or neither. */
  record(event: AuditEvent): void
  /**
   * Takes rows from the beginning that are older than `before`, at most so many, and leaves a signed mark there. Rows
   * from the future of `now` were written by a clock that was wrong, or this one is: they go only where an old one follows
   * them. Answers how many, and whether there may be more. Throws `conflict` where they are not as they were written, or
   * tell of that and no operator has accepted it: they are what proves it.
   */
  prune(bounds: {
    before: number
    now: number
    maxRows: number
  }): Promise<{ pruned: number; isDone: boolean }>
}

/** Signs what the trail is made of, with a key that is not in the database. */
export interface AuditSigner {
  /** One text for each list of values, which nobody can compute without the key. */
  sign(values: readonly (string | number | null)[]): string
}

/** What an event has besides its time and its kind, for one that is about no account. */
const eventDefaults = { userId: null, email: null, address: null, count: 1, detail: null } as const

/** Something that an operator did by a command. */
export function operatorEvent(
  time: number,
  kind: AuditKind,
  about: Partial<Pick<AuditEvent, 'userId' | 'email' | 'detail'>> = {},
): AuditEvent {
  return { time, kind, actor: 'operator', ...eventDefaults, ...about }
}

/** Something that the server did by itself. */
export function serverEvent(
  time: number,
  kind: AuditKind,
  about: Partial<Pick<AuditEvent, 'count' | 'detail'>> = {},
): AuditEvent {
  return { time, kind, actor: 'server', ...eventDefaults, ...about }
}

/** Something that a user did, or somebody who says so. */
export function userEvent(
  time: number,
  kind: AuditKind,
  user: { readonly id: string; readonly email: string } | null,
  address: string | null,
): AuditEvent {
  return {
    ...{ time, kind, actor: 'user', ...eventDefaults },
    ...{ userId: user?.id ?? null, email: user?.email ?? null, address },
  }
}
