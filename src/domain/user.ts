import type { Verifier } from './verifier'

/** An account. `hint` reminds its owner of the master password, which the server never sees. */
export interface User {
  readonly id: string
  /** Lower-cased. */
  readonly email: string
  readonly verifier: Verifier
  readonly hint: string | null
  readonly emailConfirmed: boolean
  /** Every session token repeats it; a new one ends all sessions at once, and none revives after a restore. */
  readonly sessionEpoch: string
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
}
