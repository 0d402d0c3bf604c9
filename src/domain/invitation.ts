/** Leave to sign up where not everybody may, for one address. It is used up by that sign-up. */
export interface Invitation {
  /** Lower-cased. */
  readonly email: string
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
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
