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
