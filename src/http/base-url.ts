import { type Client, urlOf } from './client'

/** Returns the port of a URL, or the default port of its scheme if the URL has none. */
export function portOf({ protocol, port }: URL): number {
  return Number(port || (protocol === 'https:' ? 443 : 80))
}

/** Returns the URL of this server, with a slash at its end, for links in an email that the request causes. */
export type ResolveBaseUrl = (request: Request, client: Client) => string

/**
 * Links lead to the public URL if the operator has set one. Otherwise they lead to the address that the request was sent
 * to, provided that it is an address of this server: a stranger can put any name into the Host header, and the email
 * would carry a link to that name. For a name that is not this server's, links lead to the first local address.
 */
export function createBaseUrlResolver(server: {
  /** With a slash at its end. */
  publicUrl: URL | null
  /** Further names of this server, with or without a port. */
  publicHosts: readonly string[]
  /** Returns the names and addresses of this machine, the one that most people use first. */
  localHosts: () => readonly string[]
  /** Returns where the server listens, the endpoint that most people use first. */
  endpoints: () => readonly { readonly protocol: string; readonly port: number }[]
}): ResolveBaseUrl {
  const { publicUrl, publicHosts, localHosts, endpoints } = server
  return (request, client) => {
    if (publicUrl !== null) return publicUrl.href
    const url = urlOf(request, client)
    const { protocol, hostname, host } = url
    const locals = localHosts()
    // Another port of this machine belongs to another program.
    const isLocal =
      locals.includes(hostname) && endpoints().some((endpoint) => endpoint.port === portOf(url))
    const isPublic = publicHosts.includes(hostname) || publicHosts.includes(host)
    if (isLocal || isPublic) return `${protocol}//${host}/`
    const [preferred = { protocol: 'http:', port: 80 }] = endpoints()
    return new URL(`${preferred.protocol}//${locals[0] ?? 'localhost'}:${preferred.port}/`).href
  }
}
