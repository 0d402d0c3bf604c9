import { DomainError } from '../domain/errors'
import type { Client } from './client'

/** Returns whether a client must use HTTPS to sign in: it does not, and others could overhear the connection. */
export type NeedsHttps = (client: Client) => boolean

/**
 * Returns a check that exempts the clients that `isHttpAllowed` accepts. It gets the client's address, null if that is unknown.
 */
export function createNeedsHttps(isHttpAllowed: (address: string | null) => boolean): NeedsHttps {
  return ({ address, isSecure }) => !isSecure && !isHttpAllowed(address)
}

/**
 * Throws `forbidden` if the client must not send a master password hash over this connection. Anyone who intercepts one can sign
 * in with it, so the check comes before the credentials are read.
 */
export function requireHttps(needsHttps: NeedsHttps, client: Client): void {
  if (!needsHttps(client)) return
  throw new DomainError('forbidden', 'Sign in over HTTPS: this connection can be overheard')
}
