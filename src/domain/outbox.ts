import type { EmailMessageTopic } from './email-message'
import type { Clock, Random } from './runtime'
import type { WriteTransaction } from './store'
import type { User } from './user'

/** How often an account may ask for another letter, in milliseconds (contract). */
const confirmationEmailInterval = 5 * 60_000

/** Puts letters into the outbox: in the transaction that they belong to, so that both are there or neither. */
export interface EmailQueue {
  /** Asks whoever reads the mail of an account that is not confirmed to confirm it, unless it was asked less than five minutes ago. */
  queueConfirmation(tx: WriteTransaction, user: User, baseUrl: () => string): Promise<void>
  /** Tells an address that it may sign up, and where. In the place of a letter that told it before. */
  queueInvitation(tx: WriteTransaction, email: string, baseUrl: () => string): Promise<void>
  /** Has the relay look, once the transaction is committed. */
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

    wake,
  }
}
