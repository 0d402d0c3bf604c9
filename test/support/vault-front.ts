/** What a page has sent. */
export interface SentRequest {
  readonly method: string
  readonly path: string
  readonly headers: string
  readonly body: string
}

/** Stands between browsers and a server, at `localhost`: notes what is sent, and answers otherwise if a test wants it. */
export interface VaultFront extends AsyncDisposable {
  /** Of the vault. */
  readonly url: URL
  readonly requests: SentRequest[]
  /** Returns another answer, also one made of that of the server; null leaves it as it is. */
  intercept:
    | ((sent: SentRequest, answer: () => Promise<Response>) => Promise<Response | null>)
    | null
}

export function startVaultFront(server: { readonly url: URL }): VaultFront {
  const requests: SentRequest[] = []
  const listener = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      const { method, headers } = request
      const body = await request.text()
      const sent = { method, path: pathname, headers: JSON.stringify([...headers]), body }
      requests.push({ ...sent, path: pathname + search })
      const pass = () =>
        fetch(new URL(pathname + search, server.url), {
          ...{ method, headers, redirect: 'manual', decompress: false },
          ...(body !== '' && { body }),
          // As a proxy does whose server is gone.
        }).catch(() => new Response(null, { status: 502 }))
      return (await front.intercept?.(sent, pass)) ?? pass()
    },
  })
  const front: VaultFront = {
    url: new URL(`http://localhost:${listener.port}/vault/`),
    requests,
    intercept: null,
    [Symbol.asyncDispose]: () => listener.stop(true),
  }
  return front
}
