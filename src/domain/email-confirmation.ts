import { userEvent } from './audit'
import type { EmailQueue } from './outbox'
import type { RateLimiter } from './rate-limiter'
import type { RequestBounds } from './request-bounds'
import type { Clock } from './runtime'
import type { Store } from './store'
import type { Tokens } from './tokens'

/** What came of a confirmation link. */
export type ConfirmationOutcome = 'confirmed' | 'already' | 'expired' | 'invalid' | 'no such user'

/** Whether an email address must be confirmed before its account can sign in. */
export interface ConfirmationPolicy {
  readonly isRequired: boolean
  /** Null if no emails are sent: they are turned off, or no mail server is set. */
  readonly emailQueue: EmailQueue | null
}

export interface EmailConfirmation {
  /**
   * Confirms the email address that the token was issued for. Repeating it is harmless. Throws `rate_limited` after too many
   * invalid or expired tokens from one network.
   */
  confirm(
    token: string,
    request: { readonly address: string | null; readonly bounds?: RequestBounds },
  ): Promise<ConfirmationOutcome>
}

export function createEmailConfirmation(deps: {
  store: Store
  tokens: Tokens
  rateLimiter: RateLimiter
  clock: Clock
}): EmailConfirmation {
  return {
    async confirm(token, { address, bounds }) {
      deps.rateLimiter.requireAllowed(address)
      const claims = await deps.tokens.verify('confirmation', token)
      if (claims === 'expired' || claims === 'invalid') {
        deps.rateLimiter.count(address)
        return claims
      }
      return await deps.store.write(async (tx) => {
        const { userId: id, email } = claims
        if (await tx.users.confirmEmail(id, email)) {
          const user = { id, email }
          tx.audit.record(userEvent({ time: deps.clock(), kind: 'confirmation', user, address }))
          return 'confirmed'
        }
        const user = await tx.users.findById(id)
        return user?.email === email ? 'already' : 'no such user'
      }, bounds)
    },
  }
}
