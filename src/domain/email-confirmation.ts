import { userEvent } from './audit'
import type { EmailQueue } from './outbox'
import type { RateLimiter } from './rate-limiter'
import type { RequestBounds } from './request-bounds'
import type { Clock } from './runtime'
import type { Store } from './store'
import type { Tokens } from './tokens'

/** What a confirmation link is good for: with `unconfirmed`, it can confirm its email address. */
export type ConfirmationState = 'unconfirmed' | 'already' | 'expired' | 'invalid' | 'no such user'

/** What came of confirming an email address. */
export type ConfirmationOutcome = 'confirmed' | Exclude<ConfirmationState, 'unconfirmed'>

/** Where a confirmation came from. */
export interface ConfirmationRequest {
  /** IP address of the client; null if unknown. */
  readonly address: string | null
  readonly bounds?: RequestBounds
}

/** Whether an email address must be confirmed before its account can sign in. */
export interface ConfirmationPolicy {
  readonly isRequired: boolean
  /** Null if no emails are sent: they are turned off, or no mail server is set. */
  readonly emailQueue: EmailQueue | null
}

/** Both methods throw `rate_limited` after too many invalid or expired tokens from one network. */
export interface EmailConfirmation {
  /** Returns what a token is good for. Changes nothing: mail servers and browsers open links before their reader does. */
  check(token: string, request: ConfirmationRequest): Promise<ConfirmationState>

  /** Confirms the email address that the token was issued for. Repeating it is harmless. */
  confirm(token: string, request: ConfirmationRequest): Promise<ConfirmationOutcome>
}

export function createEmailConfirmation(deps: {
  store: Store
  tokens: Tokens
  rateLimiter: RateLimiter
  clock: Clock
}): EmailConfirmation {
  async function verify(token: string, address: string | null) {
    deps.rateLimiter.requireAllowed(address)
    const claims = await deps.tokens.verify('confirmation', token)
    if (claims === 'expired' || claims === 'invalid') deps.rateLimiter.count(address)
    return claims
  }

  return {
    async check(token, { address, bounds }) {
      const claims = await verify(token, address)
      if (claims === 'expired' || claims === 'invalid') return claims
      const user = await deps.store.readOne((tx) => tx.users.findById(claims.userId), bounds)
      if (user?.email !== claims.email || user.deletionTime !== null) return 'no such user'
      return user.emailConfirmed ? 'already' : 'unconfirmed'
    },

    async confirm(token, { address, bounds }) {
      const claims = await verify(token, address)
      if (claims === 'expired' || claims === 'invalid') return claims
      return await deps.store.write(async (tx) => {
        const { userId: id, email } = claims
        if (await tx.users.confirmEmail(id, email)) {
          const user = { id, email }
          tx.audit.record(userEvent({ time: deps.clock(), kind: 'confirmation', user, address }))
          return 'confirmed'
        }
        const user = await tx.users.findById(id)
        return user?.email === email && user.deletionTime === null ? 'already' : 'no such user'
      }, bounds)
    },
  }
}
