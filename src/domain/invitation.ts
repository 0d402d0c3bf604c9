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
  /** Returns null if the mailbox is not invited, in whatever spelling. */
  find(email: string): Promise<Invitation | null>
}

export interface InvitationWrites {
  /** The mailbox must not be invited yet. */
  insert(invitation: Invitation): Promise<void>
  /** Deletes all invitations of a mailbox, with their emails in the outbox. Returns false if there is none. */
  delete(email: string): Promise<boolean>
}
