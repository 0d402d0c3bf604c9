/** What a letter is about, and to whom it goes by that. */
export type EmailMessageTopic =
  | { readonly kind: 'confirmation'; readonly userId: string }
  /** The address that may sign up. */
  | { readonly kind: 'invitation'; readonly invitation: string }

/**
 * A letter that waits. It says to whom and about what; link and text are made when it is sent, so that no token
 * lies in the database, and a link lives from then on.
 */
export type EmailMessage = EmailMessageTopic & {
  readonly id: string
  /** Where the link of the letter leads: the server as its reader reaches it, with a slash at the end. */
  readonly baseUrl: string
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
}

/** A letter as an operator sees it. */
export type EmailMessageStatus = EmailMessage & {
  readonly email: string
  /** Sending: a relay has it, or had it when it died. Dead: nobody tries any more. */
  readonly state: 'queued' | 'sending' | 'dead'
  readonly attempts: number
  /** When the next attempt is due. Milliseconds since 1970 (UTC). */
  readonly nextTime: number
  /** Why the last attempt failed, null when none did. */
  readonly reason: string | null
}

/** A letter that is one relay's to send, for as long as its lease lasts. */
export type LeasedEmailMessage = EmailMessage & {
  readonly email: string
  /** The attempts so far, this one included. */
  readonly attempts: number
  /** Proof of the lease: another relay's is another one. */
  readonly lease: string
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
