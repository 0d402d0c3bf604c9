import type { ClockCorrection } from './clock-watch'
import type { AgeLimit } from './known-time'
import type { PasswordHash } from './password-hash'
import type { HistorySize } from './versions'

/** An account. `hint` reminds its owner of the master password, which never reaches the server. */
export interface User {
  readonly id: string
  /** In lower case. */
  readonly email: string
  readonly passwordHash: PasswordHash
  readonly hint: string | null
  readonly emailConfirmed: boolean
  /** Part of every session token. A new epoch ends all sessions permanently: a restored database gets new epochs too. */
  readonly sessionEpoch: string
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
  /** Disabled by an operator: sign-ins are refused, and tokens of the account are invalid. */
  readonly isDisabled: boolean
  /** Last sign-in, to the minute, in milliseconds since 1970 (UTC); null before the first. */
  readonly loginTime: number | null
  /**
   * When its owner deleted it, in milliseconds since 1970 (UTC); null if that has not happened. For clients there is no such account
   * since then, but that its id and email are taken.
   */
  readonly deletionTime: number | null
}

/** Returns a hint as it is stored: none instead of an empty one. */
export function storedHint(hint: string | null): string | null {
  return hint === '' ? null : hint
}

/** An account with the revision of its vault. */
export interface UserWithRevision extends User {
  /**
   * A larger number after each change of the vault. It starts at random in each database, and later for each account, so that a
   * number of another database, of the state before a restore, or of a deleted account with the same id does not count for this one.
   */
  readonly revision: number
}

/** What a request of a signed-in client needs to know of its account. */
export interface SignedInUser
  extends Pick<
    UserWithRevision,
    'id' | 'email' | 'hint' | 'sessionEpoch' | 'isDisabled' | 'revision'
  > {
  /** See `vaultStateOf`. */
  readonly vaultState: string
}

/** An account as operators see it: without secrets, and with only the sizes of its vault. */
export interface UserSummary {
  readonly id: string
  readonly email: string
  readonly emailConfirmed: boolean
  readonly isDisabled: boolean
  readonly creationTime: number
  readonly loginTime: number | null
  readonly deletionTime: number | null
  /** Number of records, including those in the trash. */
  readonly records: number
  /** Number of notes, including those in the trash. */
  readonly notes: number
  readonly additionalFields: number
  /** Number of emails to it in the outbox. */
  readonly pendingEmails: number
}

/** As `UserSummary`, with sizes that take longer to find out. */
export interface UserDetails extends UserSummary {
  /** As `VaultReads.size`. */
  readonly vaultBytes: number
  readonly history: HistorySize
}

export interface UserReads {
  /** Returns null if there is no such account. */
  findById(id: string): Promise<UserWithRevision | null>
  /** Returns null if there is no such account. `email` is in lower case. */
  findByEmail(email: string): Promise<User | null>
  /**
   * Returns the oldest account of a mailbox, whose address may be written in another way; null if there is none. New accounts
   * are refused by it; sign-in uses `findByEmail`.
   */
  findByMailbox(email: string): Promise<User | null>
  /** Returns the addresses of each mailbox that has several accounts, in the order of sign-up. */
  listTwins(): Promise<readonly (readonly string[])[]>
  /** Returns whether any account still has a password hash of the original server. */
  hasLegacyPasswordHashes(): Promise<boolean>
  /** Returns the accounts that their owners deleted before a time. */
  listDeleted(before: number): Promise<readonly Pick<User, 'id' | 'email'>[]>
  /** Returns every account, oldest first. */
  listSummaries(): Promise<readonly UserSummary[]>
  /** Returns null if there is no such account. */
  findSummary(id: string): Promise<UserSummary | null>
}

export interface UserWrites {
  /** Returns false, and changes nothing, if the id or the email is taken, or the mailbox by an account without a twin. */
  insert(user: User): Promise<boolean>
  /** Does nothing if the password hash is no longer `from`: another login has replaced it. */
  replacePasswordHash(id: string, change: { from: PasswordHash; to: PasswordHash }): Promise<void>
  /**
   * Confirms an email address and deletes its confirmation emails in the outbox. Returns false, and changes nothing, if there is
   * no account with that id and email, its owner has deleted it, or it is already confirmed.
   */
  confirmEmail(id: string, email: string): Promise<boolean>
  /**
   * Records that a confirmation email is queued at `now`. Returns false, and changes nothing, if the account is confirmed or
   * deleted by its owner, or one was queued after `unlessRequestedSince`. Times are in milliseconds since 1970 (UTC).
   */
  claimConfirmationEmail(
    id: string,
    times: { now: number; unlessRequestedSince: number },
  ): Promise<boolean>
  /** Records that a confirmation email was sent at `now`. Changes nothing if the account is confirmed or deleted by then. */
  recordConfirmationEmail(id: string, now: number): Promise<void>
  /** Moves the times after which accounts are removed that lie in a span in which the clock was wrong. */
  correctTimes(correction: ClockCorrection): Promise<void>
  /** Replaces those of these times that are impossible (before `earliest`, or after `now`) with `now`. */
  redate(limit: AgeLimit): Promise<void>
  /**
   * Deletes the accounts of a mailbox that were never confirmed or signed in to, hold nothing, have no queued email, and were neither
   * created nor sent an email since `before`. Returns their number.
   */
  deleteAbandoned(email: string, before: number): Promise<number>
  /** Deletes unconfirmed accounts with an empty vault that were created before a time. Returns their number. */
  deleteUnconfirmed(before: number): Promise<number>
  /** Sets the time of the last sign-in. */
  recordLogin(id: string, time: number): Promise<void>
  /** Returns false, and changes nothing, if the account has this state already, or there is no such account. */
  setDisabled(id: string, isDisabled: boolean): Promise<boolean>
  /** Replaces what an account is signed in to with, and ends all its sessions. */
  replaceMasterPassword(
    id: string,
    change: Pick<User, 'passwordHash' | 'hint' | 'sessionEpoch'>,
  ): Promise<void>
  /** Ends all sessions of an account. Returns false, and changes nothing, if the session of `user` has ended. */
  endSessions(user: Pick<User, 'id' | 'sessionEpoch'>, epoch: string): Promise<boolean>
  /** Ends all sessions of an account. */
  replaceSessionEpoch(id: string, epoch: string): Promise<void>
  /**
   * Hides an account that its owner deletes at `time`, ends its sessions and deletes its emails. Returns false, and changes nothing,
   * if it is disabled or hidden, or its sessions have ended since `user` was read.
   */
  hide(
    user: Pick<User, 'id' | 'sessionEpoch'>,
    change: { time: number; epoch: string },
  ): Promise<boolean>
  /** Brings an account back that its owner has deleted. Returns false if that has not happened, or there is no such account. */
  undelete(id: string): Promise<boolean>
  /** Deletes an account that its owner deleted before a time, as `delete` does. Returns false if there is none. */
  purge(id: string, before: number): Promise<boolean>
  /** Deletes an account with its vault and its emails. Returns false if there is none. */
  delete(id: string): Promise<boolean>
}
