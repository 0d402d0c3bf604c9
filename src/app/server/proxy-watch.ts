import type { NetworkMatcher } from '../../domain/networks'
import type { Log } from '../../log'

/** Notices a proxy in front of the server that the settings do not name. */
export interface ProxyWatch {
  /** Called for each request with forwarding headers from a peer that is no trusted proxy. */
  note(peer: string): void
  /** Returns which address sends such requests, for operators; null for none. */
  problem(): string | null
}

/**
 * All clients behind such a proxy count as one: a stranger among them can lock the owner out. Logs that once, for the first proxy in
 * a network of this machine (`isLocal`); a client on the internet can send any header.
 */
export function watchProxies(log: Log, isLocal: NetworkMatcher): ProxyWatch {
  let problem: string | null = null
  return {
    note(peer) {
      if (problem !== null || !isLocal(peer)) return
      problem = `${peer} forwards requests and is not in SNAILPASS_TRUSTED_PROXIES: all clients behind it count as one`
      log.warn(problem, { hint: `if it is your proxy, set SNAILPASS_TRUSTED_PROXIES=${peer}` })
    },
    problem: () => problem,
  }
}
