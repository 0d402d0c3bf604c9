import { type Client, urlOf } from './client'

/** The port of a URL, also where it goes without saying. */
export function portOf({ protocol, port }: URL): number {
  return Number(port || (protocol === 'https:' ? 443 : 80))
}

/** Where links of this server lead, as whoever asks for one reaches it. */
export type ResolveBaseUrl = (request: Request, client: Client) => string

/**
 * The public URL where the operator has set one. Elsewhere the address that the request was sent to, if it is one of
 * this server's own or listed; never any other, or a stranger could have letters sent whose links lead to him.
 */
export function createBaseUrlResolver(server: {
  /** With a slash at its end. */
  publicUrl: URL | null
  /** Further names of this server, with or without a port. */
  publicHosts: readonly string[]
  /** Names and addresses of this machine, the likeliest first. */
  localHosts: () => readonly string[]
  /** Where it listens, the likeliest for people first. */
  endpoints: () => readonly { readonly protocol: string; readonly port: number }[]
}): ResolveBaseUrl {
  const { publicUrl, publicHosts, localHosts, endpoints } = server
  return (request, client) => {
    if (publicUrl !== null) return publicUrl.href
    const url = urlOf(request, client)
    const { protocol, hostname, host } = url
    const own = localHosts()
    // Another port of this machine is another program's.
    const isOwn =
      own.includes(hostname) && endpoints().some((endpoint) => endpoint.port === portOf(url))
    const isOurs = isOwn || publicHosts.includes(hostname) || publicHosts.includes(host)
    if (isOurs) return `${protocol}//${host}/`
    const [preferred = { protocol: 'http:', port: 80 }] = endpoints()
    return new URL(`${preferred.protocol}//${own[0] ?? 'localhost'}:${preferred.port}/`).href
  }
}
