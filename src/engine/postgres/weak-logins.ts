import { Socket } from 'node:net'
import type { Client } from 'pg'

/** Where a server is: on this machine, on a private network, or anywhere else. */
export type PeerLocation = 'machine' | 'private' | 'public'

/** What a connection does if its server asks for the password in clear, or as an MD5 hash that is as good as the password. */
export interface WeakLoginPolicy {
  /** Returns where an IP address is. */
  readonly locate: (address: string) => PeerLocation
  /** Called if such a server on a private network gets the password, although its certificate is not verified. */
  readonly onWeakLogin?: ((address: string) => void) | undefined
}

/** The server asked for the password in a way that would give it to anyone on the way, and is not known to be the right one. */
class WeakLoginError extends Error {
  override readonly name = 'WeakLoginError'
  readonly code = weakLoginCode
}

export const weakLoginCode = 'WEAK_LOGIN'

/** Ways to ask for a password, as events of the driver. The others (SCRAM) reveal nothing that can be used elsewhere. */
const weakRequests = [
  ['authenticationCleartextPassword', 'in clear'],
  ['authenticationMD5Password', 'by MD5'],
] as const

/**
 * Has a client that is not connected yet refuse weak logins to public addresses, before the password is sent or looked up.
 * Its connection then fails with WeakLoginError. `isVerified` says whether TLS with a verified certificate is required: without
 * it, anyone on the way can answer in the server's place, without TLS and with any request for the password.
 */
export function refuseWeakLogins(
  client: Client,
  { locate, onWeakLogin, isVerified }: WeakLoginPolicy & { readonly isVerified: boolean },
): void {
  // A Unix socket.
  if (isVerified || client.host.startsWith('/')) return
  for (const [event, manner] of weakRequests) {
    // Before the driver's own listener, which `connect` adds.
    client.connection.on(event, () => {
      const { stream } = client.connection
      const remoteAddress = stream instanceof Socket ? (stream.remoteAddress ?? null) : null
      const location = remoteAddress === null ? 'public' : locate(remoteAddress)
      if (location === 'private') onWeakLogin?.(remoteAddress ?? client.host)
      if (location !== 'public') return
      const where = remoteAddress === null ? client.host : `${client.host} (${remoteAddress})`
      const error = new WeakLoginError(
        `${where} asks for the password ${manner} over an unverified connection; it was not sent`,
      )
      // The driver calls it for the password that it is asked for, and closes the connection if it fails.
      Reflect.set(client, 'password', () => Promise.reject(error))
    })
  }
}
