import { DomainError } from '../domain/errors'
import type { Client } from './client'

/** Throws `forbidden` if the client must not send a master password hash over this connection. */
export type RequireHttps = (client: Client) => void

/**
 * Returns a check that refuses plain HTTP from clients that `isHttpAllowed` does not exempt. Anyone who intercepts a
 * master password hash can sign in with it, so the check comes before the credentials are read.
 *
 * `isHttpAllowed` gets the client's address, null if it is unknown.
 */
export function createRequireHttps(
  isHttpAllowed: (address: string | null) => boolean,
): RequireHttps {
  return ({ address, isSecure }) => {
    if (isSecure || isHttpAllowed(address)) return
    throw new DomainError('forbidden', 'Sign in over HTTPS: this connection can be overheard')
  }
}
