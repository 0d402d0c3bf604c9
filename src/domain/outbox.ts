import type { EmailMessageTopic } from './email-message'
import type { Clock, Random } from './runtime'
import type { WriteTransaction } from './store'
import type { User } from './user'

/** Minimum milliseconds between two confirmation emails to an account (contract). */
export const confirmationEmailInterval = 5 * 60_000

/** Puts emails into the outbox, in the transaction of the change that they are about. */
export interface EmailQueue {
  /** Queues a confirmation email. Does nothing if the account is confirmed, or one was queued less than 5 minutes ago. */
  queueConfirmation(tx: WriteTransaction, user: User, baseUrl: () => string): Promise<void>
  /** Queues an invitation email. It replaces one to the same address that is not being sent yet. */
  queueInvitation(tx: WriteTransaction, email: string, baseUrl: () => string): Promise<void>
  /** Queues an email that tells an owner of a new master password. */
  queuePasswordChanged(tx: WriteTransaction, user: User, baseUrl: () => string): Promise<void>
  /** Wakes the mail worker. Call it after the commit. */
  wake(): void
}

export function createEmailQueue(deps: {
  clock: Clock
  random: Random
  wake: () => void
}): EmailQueue {
  const { clock, random, wake } = deps

  const enqueue = (tx: WriteTransaction, topic: EmailMessageTopic, baseUrl: string) =>
    tx.outbox.put({ ...topic, id: random(8).toHex(), baseUrl, creationTime: clock() })

  return {
    async queueConfirmation(tx, user, baseUrl) {
      const now = clock()
      const isDue = await tx.users.claimConfirmationEmail(user.id, {
        now,
        unlessRequestedSince: now - confirmationEmailInterval,
      })
      if (!isDue) return
      await enqueue(tx, { kind: 'confirmation', userId: user.id }, baseUrl())
    },

    queueInvitation: (tx, email, baseUrl) =>
      enqueue(tx, { kind: 'invitation', invitation: email }, baseUrl()),

    queuePasswordChanged: (tx, { id: userId }, baseUrl) =>
      enqueue(tx, { kind: 'password-changed', userId }, baseUrl()),

    wake,
  }
}
