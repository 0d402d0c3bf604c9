import type { PasswordHash } from './password-hash'

/** An account. `hint` reminds its owner of the master password, which the server never sees. */
export interface User {
  readonly id: string
  /** Lower-cased. */
  readonly email: string
  readonly passwordHash: PasswordHash
  readonly hint: string | null
  readonly emailConfirmed: boolean
  /** Every session token repeats it; a new one ends all sessions at once, and none revives after a restore. */
  readonly sessionEpoch: string
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
  /** An operator keeps it out: nobody signs in, and no token of it is good. */
  readonly isDisabled: boolean
  /** When somebody signed in last, to the minute; null before the first time. Milliseconds since 1970 (UTC). */
  readonly loginTime: number | null
}

/** An account as an operator sees it: nothing that opens it, and of its vault only how much there is. */
export interface UserSummary {
  readonly id: string
  readonly email: string
  readonly emailConfirmed: boolean
  readonly isDisabled: boolean
  readonly creationTime: number
  readonly loginTime: number | null
  /** Those in the trash included. */
  readonly records: number
  readonly notes: number
  readonly additionalFields: number
  /** Letters to it that wait or were given up. */
  readonly pendingEmails: number
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
