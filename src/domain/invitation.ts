/** Leave to sign up where not everybody may, for one address. It is used up by that sign-up. */
export interface Invitation {
  /** Lower-cased. */
  readonly email: string
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
}
