/** Allows one email address to sign up, once, if sign-up is restricted. */
export interface Invitation {
  /** In lower case. */
  readonly email: string
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
}

export interface InvitationReads {
  /** Returns all invitations, oldest first. */
  list(): Promise<readonly Invitation[]>
  /** Returns null if the address is not invited. `email` is in lower case. */
  find(email: string): Promise<Invitation | null>
}

export interface InvitationWrites {
  /** Returns false, and changes nothing, if the address is already invited. */
  insert(invitation: Invitation): Promise<boolean>
  /** Deletes an invitation with its email in the outbox. Returns false if there is none. `email` is in lower case. */
  delete(email: string): Promise<boolean>
}
