/** What a page of a listed origin may send and read (Fetch Standard, section 3.2). */
const allowed = {
  'access-control-allow-methods': 'GET, POST, PUT, DELETE',
  'access-control-allow-headers': 'authorization, content-type, x-access-token',
  // Seconds for which a browser need not ask again.
  'access-control-max-age': '600',
}

/** Lets pages of other origins read answers, where the operator has named those origins. */
export interface Cors {
  /** The answer to a browser that asks beforehand; null for any other request. */
  preflight(request: Request): Response | null
  /** Tells the browser that the page may read the answer. */
  addHeaders(request: Request, response: Response): void
}

export function createCors(origins: readonly string[]): Cors {
  const isListed = (origin: string | null): origin is string =>
    origin !== null && origins.includes(origin)
  return {
    preflight(request) {
      const { method, headers } = request
      if (method !== 'OPTIONS' || !headers.has('access-control-request-method')) return null
      if (!isListed(headers.get('origin'))) return null
      return new Response(null, { status: 204, headers: allowed })
    },

    addHeaders(request, response) {
      if (origins.length === 0) return
      // Whoever keeps an answer keeps it for one origin.
      response.headers.append('vary', 'origin')
      const origin = request.headers.get('origin')
      if (!isListed(origin)) return
      response.headers.set('access-control-allow-origin', origin)
      response.headers.set('access-control-expose-headers', 'retry-after')
    },
  }
}
