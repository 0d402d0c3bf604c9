/** What a page of an allowed origin may send (Fetch Standard, section 3.2). */
const preflightHeaders = {
  'access-control-allow-methods': 'GET, POST, PUT, DELETE',
  'access-control-allow-headers': 'authorization, content-type, if-none-match, x-access-token',
  // Seconds for which a browser remembers this answer.
  'access-control-max-age': '600',
}

/** Lets web pages of other origins read answers, if the operator allows those origins. */
export interface Cors {
  /** Returns the answer to a preflight request of an allowed origin; null for any other request. */
  preflight(request: Request): Response | null
  /** Allows the page that sent the request to read the response, if its origin is allowed. */
  addHeaders(request: Request, response: Response): void
}

/** `origins` are the allowed ones, for example `https://vault.example.org`. */
export function createCors(origins: readonly string[]): Cors {
  const isAllowed = (origin: string | null): origin is string =>
    origin !== null && origins.includes(origin)
  return {
    preflight(request) {
      const { method, headers } = request
      if (method !== 'OPTIONS' || !headers.has('access-control-request-method')) return null
      if (!isAllowed(headers.get('origin'))) return null
      return new Response(null, { status: 204, headers: preflightHeaders })
    },

    addHeaders(request, response) {
      if (origins.length === 0) return
      // The answer differs by origin, which caches have to know.
      response.headers.append('vary', 'origin')
      const origin = request.headers.get('origin')
      if (!isAllowed(origin)) return
      response.headers.set('access-control-allow-origin', origin)
      response.headers.set('access-control-expose-headers', 'etag, retry-after')
    },
  }
}
