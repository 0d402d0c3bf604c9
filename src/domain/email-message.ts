/** What an email is about. The recipient follows from it. */
export type EmailMessageTopic =
  | { readonly kind: 'confirmation'; readonly userId: string }
  /** Tells an owner that the master password was changed. */
  | { readonly kind: 'password-changed'; readonly userId: string }
  /** `invitation` is the email address that is invited. */
  | { readonly kind: 'invitation'; readonly invitation: string }

/**
 * An email in the outbox: its recipient and topic only. Its text and link are created when it is sent, so that the database
 * contains no token, and the life of the link starts then.
 */
export type EmailMessage = EmailMessageTopic & {
  readonly id: string
  /** URL of the server for the link in the email, with a slash at its end. */
  readonly baseUrl: string
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
}

/**
 * What an email in the outbox can be. `sending`: a worker has leased it, or had when it was killed. `dead`: no further attempt is
 * scheduled.
 */
export const emailMessageStates = ['queued', 'sending', 'dead'] as const
type EmailMessageState = (typeof emailMessageStates)[number]

/** An email as operators see it. */
export type EmailMessageStatus = EmailMessage & {
  readonly email: string
  readonly state: EmailMessageState
  /** Attempts so far. */
  readonly attempts: number
  /** When the next attempt is due. Milliseconds since 1970 (UTC). */
  readonly nextTime: number
  /** Why the last attempt failed, null when none did. */
  readonly reason: string | null
}

/** An email that one worker alone may send while its lease lasts. */
export type LeasedEmailMessage = EmailMessage & {
  readonly email: string
  /** The attempts so far, this one included. */
  readonly attempts: number
  /** Identifies the lease. */
  readonly lease: string
}

export interface OutboxReads {
  /** Returns every email, oldest first. */
  list(): Promise<readonly EmailMessageStatus[]>
  /** Returns whether an email is due at `now`. One that is due after `latest` was queued with a wrong clock, so it is. */
  hasDue(times: { now: number; latest: number }): Promise<boolean>
  /** Returns the number of emails in each state. */
  countByState(): Promise<Readonly<Record<EmailMessageState, number>>>
}

export interface OutboxWrites {
  /** Inserts an email. It replaces one with the same recipient and topic that is not being sent. */
  put(message: EmailMessage): Promise<void>
  /**
   * Leases the next email that is due at `now` to one worker until `until`, and counts an attempt. Returns null if none is
   * due. After `until`, the email is due again, if `canTakeOver`: while the clock is implausible, another worker may still be
   * sending it. An email that is due after `latest` was queued with a wrong clock, so it is due now.
   */
  lease(lease: {
    id: string
    now: number
    until: number
    latest: number
    canTakeOver: boolean
  }): Promise<LeasedEmailMessage | null>
  /** Deletes an email that was sent. Like the next two methods, does nothing if another worker has leased it since. */
  delete(message: LeasedEmailMessage): Promise<void>
  /** Schedules the next attempt. `reason` says why the last one failed. */
  postpone(message: LeasedEmailMessage, change: { nextTime: number; reason: string }): Promise<void>
  /** Schedules no further attempt, until an operator retries the email. */
  markDead(message: LeasedEmailMessage, reason: string): Promise<void>
  /** Ends every lease. For a worker that knows it is the only one: the others were killed. */
  releaseAllLeases(now: number): Promise<void>
  /**
   * Makes emails due at `now`, with no attempts counted: the one with an id, all that are dead, or all. Skips emails that are
   * being sent. Returns the number of emails.
   */
  retry(which: { id: string } | 'dead' | 'all', now: number): Promise<number>
}
