import { userEvent } from './audit'
import type { EmailQueue } from './outbox'
import type { RateLimiter } from './rate-limiter'
import type { Clock } from './runtime'
import type { Store } from './store'
import type { Tokens } from './tokens'

/** How the opening of a confirmation link ended. */
export type ConfirmationOutcome = 'confirmed' | 'already' | 'expired' | 'invalid' | 'no such user'

/** Whether an account must have its email confirmed before anybody signs in to it. */
export interface ConfirmationPolicy {
  readonly isRequired: boolean
  /** Null where no letters are sent: because none are asked for, or there is no mail server. */
  readonly emailQueue: EmailQueue | null
}

export interface EmailConfirmation {
  /**
   * Confirms the email that the token is bound to. Opening a link twice is harmless. Throws `rate_limited` after too many
   * links of one network that were no good.
   */
  confirm(token: string, request: { readonly address: string | null }): Promise<ConfirmationOutcome>
}

export function createEmailConfirmation(deps: {
  store: Store
  tokens: Tokens
  rateLimiter: RateLimiter
  clock: Clock
}): EmailConfirmation {
  return {
    async confirm(token, { address }) {
      deps.rateLimiter.requireAllowed(address)
      const claims = await deps.tokens.verify('confirmation', token)
      if (claims === 'expired' || claims === 'invalid') {
        deps.rateLimiter.count(address)
        return claims
      }
      return await deps.store.write(async (tx) => {
        const { userId: id, email } = claims
        if (await tx.users.confirmEmail(id, email)) {
          tx.audit.record(userEvent(deps.clock(), 'confirmation', { id, email }, address))
          return 'confirmed'
        }
        const user = await tx.users.findById(id)
        return user?.email === email ? 'already' : 'no such user'
      })
    },
  }
}
