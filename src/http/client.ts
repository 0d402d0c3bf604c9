import { parseAddress } from '../domain/address'

/** Who is asking, as far as it can be believed. */
export interface Client {
  /** Null where nobody can tell: a proxy on a Unix socket that says nothing. */
  readonly address: string | null
  /** Whether what they send is encrypted on its way. */
  readonly isSecure: boolean
}

/** The URL that a client has asked for, with the scheme that it has used. Throws for a request without a sound Host. */
export function urlOf(request: Request, { isSecure }: Client): URL {
  return new URL(isSecure ? request.url.replace(/^http:/, 'https:') : request.url)
}

/** Where a request came in. */
export interface ConnectionInfo {
  /** Address of whoever is connected; null on a Unix socket. */
  readonly peer: string | null
  readonly isTls: boolean
}

/**
 * Reads who is asking from `X-Forwarded-For` and `X-Forwarded-Proto`, as far as listed proxies have written them: from the
 * right, the first address that is not a listed proxy's. Whatever stands further to the left was sent by that client,
 * who can write there what he likes. Who may open a Unix socket is the operator's choice, so whoever is there is listed.
 */
export function createClientResolver(
  isProxy: (address: string) => boolean,
): (connection: ConnectionInfo, headers: Headers) => Client {
  return ({ peer, isTls }, headers) => {
    const direct = peer === null ? null : parseAddress(peer)
    const isForwarded = direct === null || isProxy(direct)
    if (!isForwarded) return { address: direct, isSecure: isTls }
    const hops = headers.get('x-forwarded-for')?.split(',') ?? []
    let address = direct
    for (const hop of hops.reverse()) {
      const next = parseAddress(withoutPort(hop.trim()))
      // What a proxy of ours wrote is an address; anything else is none to go on from.
      if (next === null) break
      address = next
      if (!isProxy(next)) break
    }
    // The last proxy's word: those before it may have been reached by anybody.
    const scheme = headers.get('x-forwarded-proto')?.split(',').at(-1)?.trim().toLowerCase()
    return { address, isSecure: scheme === undefined ? isTls : scheme === 'https' }
  }
}

/** `1.2.3.4:567` and `[2001:db8::1]:567`, as some proxies write it. */
function withoutPort(hop: string): string {
  const { ipv6, ipv4 } =
    /^(?:\[(?<ipv6>[^\]]+)\](?::\d+)?|(?<ipv4>\d+\.\d+\.\d+\.\d+):\d+)$/.exec(hop)?.groups ?? {}
  return ipv6 ?? ipv4 ?? hop
}
