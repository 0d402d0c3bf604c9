/** Where links of this server lead, as whoever asks for one reaches it. */
export type BaseUrl = (request: Request) => string

/**
 * The public URL where the operator has set one. Elsewhere the address that the request was sent to, if it is one of
 * this server's own or listed; never any other, or a stranger could have letters sent whose links lead to him.
 */
export function createBaseUrl(server: {
  /** With a slash at its end. */
  publicUrl: URL | null
  /** Further names of this server, with or without a port. */
  listed: readonly string[]
  /** Names and addresses of this machine, the likeliest first. */
  ownHosts: () => readonly string[]
  port: () => number
}): BaseUrl {
  const { publicUrl, listed, ownHosts, port } = server
  return (request) => {
    if (publicUrl !== null) return publicUrl.href
    const url = new URL(request.url)
    const { protocol, hostname, host } = url
    const own = ownHosts()
    // Another port of this machine is another program's.
    const isOwn = own.includes(hostname) && Number(url.port || 80) === port()
    const isOurs = isOwn || listed.includes(hostname) || listed.includes(host)
    return isOurs ? `${protocol}//${host}/` : `http://${own[0] ?? 'localhost'}:${port()}/`
  }
}
