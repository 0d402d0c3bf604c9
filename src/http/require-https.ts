import { DomainError } from '../domain/errors'
import type { Client } from './client'

/** Throws `forbidden` for who must not send a master password hash like that. */
export type RequireHttps = (client: Client) => void

/**
 * Where there is HTTPS, whoever comes from the internet without it is told so before anything is read: what they send
 * could be overheard, and is as good as the master password here. The network at home is the operator's to judge.
 * The address is null where nobody can tell who is asking.
 */
export function createRequireHttps(
  isHttpAllowed: (address: string | null) => boolean,
): RequireHttps {
  return ({ address, isSecure }) => {
    if (isSecure || isHttpAllowed(address)) return
    throw new DomainError('forbidden', 'Sign in over HTTPS: this connection can be overheard')
  }
}
