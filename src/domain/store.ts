import type { AcmeChallenge } from './acme-challenges'
import type { AuditReads, AuditWrites } from './audit'
import type { BackupState } from './backups'
import type { Invitation } from './invitation'
import type { EmailMessage, EmailMessageStatus, LeasedEmailMessage } from './outbox'
import type { PasswordHash } from './password-hash'
import type { User, UserSummary } from './user'
import type {
  AdditionalField,
  AdditionalFieldChange,
  Note,
  NoteContent,
  RecordContent,
  VaultEntry,
  VaultRecordWithFields,
} from './vault'

/**
 * The one way to the rows: scopes that see one state of the database from begin to end.
 *
 * Both throw `unavailable` when the database does not answer within its patience and `storage_full` when
 * no space is left. Slow work (hashing) stays outside: a write scope holds up every other writer.
 */
export interface Store {
  /** Runs `work` on a snapshot; it may run again after a passing fault, so it has no effects of its own. */
  read<T>(work: (tx: ReadTransaction) => Promise<T>): Promise<T>

  /**
   * Runs `work` and commits what it did, durably, before it answers; a throw undoes all of it. It may run again
   * after a passing fault that undid it, so it has no effects but on rows; never when it may have committed.
   */
  write<T>(work: (tx: WriteTransaction) => Promise<T>): Promise<T>

  /** Throws `unavailable` unless the database answers and takes writes, sooner than a scope would. */
  check(): Promise<void>

  /** Whether writes are refused for want of space. */
  isShortOfSpace(): boolean
}

export interface ReadTransaction {
  readonly acmeChallenges: AcmeChallengeReads
  readonly backups: BackupReads
  readonly users: UserReads
  readonly knownAddresses: KnownAddressReads
  readonly invitations: InvitationReads
  readonly vaults: VaultReads
  readonly records: RecordReads
  readonly additionalFields: AdditionalFieldReads
  readonly notes: NoteReads
  readonly outbox: OutboxReads
  readonly audit: AuditReads
}

export interface WriteTransaction {
  readonly acmeChallenges: AcmeChallengeReads & AcmeChallengeWrites
  readonly backups: BackupReads & BackupWrites
  readonly users: UserReads & UserWrites
  readonly knownAddresses: KnownAddressReads & KnownAddressWrites
  readonly invitations: InvitationReads & InvitationWrites
  readonly vaults: VaultReads
  readonly records: RecordReads & EntryWrites<RecordContent>
  readonly additionalFields: AdditionalFieldReads & AdditionalFieldWrites
  readonly notes: NoteReads & EntryWrites<NoteContent>
  readonly outbox: OutboxReads & OutboxWrites
  readonly audit: AuditReads & AuditWrites
}

export interface UserReads {
  findById(id: string): Promise<User | null>
  /** `email` lower-cased. */
  findByEmail(email: string): Promise<User | null>
  /** Whether any account still has a verifier of the original server's kind. */
  hasLegacyPasswordHashes(): Promise<boolean>
  /** Every account, in the order of their making. */
  listSummaries(): Promise<readonly UserSummary[]>
  findSummary(id: string): Promise<UserSummary | null>
}

export interface UserWrites {
  /** False, and nothing changed, when the id or the email is taken. */
  insert(user: User): Promise<boolean>
  /** Does nothing when the verifier is no longer `from`: somebody else was first. */
  replacePasswordHash(id: string, change: { from: PasswordHash; to: PasswordHash }): Promise<void>
  /** False when there is no such account with that email, or it is confirmed already. Its letters go. */
  confirmEmail(id: string, email: string): Promise<boolean>
  /** Notes that a letter is asked for `now`; false when the account is confirmed, or one was asked for since. */
  claimConfirmationEmail(
    id: string,
    times: { now: number; unlessRequestedSince: number },
  ): Promise<boolean>
  /** Deletes accounts from before a time that are not confirmed and hold nothing. Answers how many. */
  deleteUnconfirmed(before: number): Promise<number>
  /** Notes when somebody signed in. */
  recordLogin(id: string, time: number): Promise<void>
  /** False when it is so already, or there is no such account. */
  setDisabled(id: string, isDisabled: boolean): Promise<boolean>
  /** Ends every session of an account. */
  replaceSessionEpoch(id: string, epoch: string): Promise<void>
  /** Deletes an account with its vault and its letters. False when there is none. */
  delete(id: string): Promise<boolean>
}

export interface KnownAddressReads {
  /** When somebody signed in to an account from a network last; null for never. */
  findLastLoginTime(userId: string, network: string): Promise<number | null>
}

export interface KnownAddressWrites {
  /** Keeps the newest `most` networks of an account. */
  remember(
    userId: string,
    network: string,
    options: { readonly time: number; readonly max: number },
  ): Promise<void>
}

export interface BackupReads {
  /** What is known of the archives of this database; null before anybody looked after them. */
  find(): Promise<BackupState | null>
}

export interface BackupWrites {
  save(state: BackupState): Promise<void>
}

export interface AcmeChallengeReads {
  find(token: string): Promise<AcmeChallenge | null>
}

export interface AcmeChallengeWrites {
  /** In the place of one with that token. */
  put(challenge: AcmeChallenge): Promise<void>
  /** Does nothing when there is none. */
  delete(token: string): Promise<void>
  /** Deletes those from before a time. */
  deleteBefore(before: number): Promise<void>
}

export interface InvitationReads {
  /** In the order in which they were made. */
  list(): Promise<readonly Invitation[]>
  /** `email` lower-cased. */
  find(email: string): Promise<Invitation | null>
}

export interface InvitationWrites {
  /** False when the address is invited already. */
  insert(invitation: Invitation): Promise<boolean>
  /** Its letter goes too. False when there is none. `email` lower-cased. */
  delete(email: string): Promise<boolean>
}

export interface OutboxReads {
  /** Every letter, in the order in which they were put there. */
  list(): Promise<readonly EmailMessageStatus[]>
  /** When the next attempt is due, in milliseconds since 1970 (UTC); null when none is. */
  findNextTime(): Promise<number | null>
  countQueued(): Promise<number>
}

export interface OutboxWrites {
  /** In the place of a letter to the same account about the same thing, unless that is being sent. */
  put(message: EmailMessage): Promise<void>
  /**
   * Gives a letter that is due `now` to one relay until `until`, and counts an attempt; null when there is none.
   * A letter whose relay does not come back is due again then. One that is due after `latest` was
   * put there by a clock that was wrong, and is due now.
   */
  lease(lease: {
    id: string
    now: number
    until: number
    latest: number
  }): Promise<LeasedEmailMessage | null>
  /** It was sent. Does nothing, as the next two, when the lease has gone to somebody else. */
  delete(message: LeasedEmailMessage): Promise<void>
  /** It is tried again at `nextTime`. */
  postpone(message: LeasedEmailMessage, change: { nextTime: number; reason: string }): Promise<void>
  /** Nobody tries it any more, until an operator wants it. */
  markDead(message: LeasedEmailMessage, reason: string): Promise<void>
  /** Ends every lease, for a relay that knows itself to be the only one: whoever had one is gone. */
  releaseAllLeases(now: number): Promise<void>
  /** Has letters tried again `now`, from the beginning: one, or all that are dead; none that is being sent. Answers how many. */
  retry(which: { id: string } | 'dead', now: number): Promise<number>
}

/** What every kind of vault entry can tell of one. */
export interface EntryReads {
  /** The id of the user that a row belongs to, null when there is no such row. */
  findOwner(id: string): Promise<string | null>
}

export interface VaultReads {
  /** Bytes of all texts of an account, in UTF-8, with `rowBytes` for each entry and additional field. */
  size(owner: string): Promise<number>
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
