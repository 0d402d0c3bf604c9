/**
 * The headers of every answer: browsers must not guess its type, pass its address on, show it in a frame or load anything for it,
 * and caches must not store it.
 */
const commonHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
} as const

// Created once: a response copies them faster than it sets each of them.
const emptyHeaders = new Headers(commonHeaders)
const jsonHeaders = new Headers({
  ...commonHeaders,
  'content-type': 'application/json;charset=utf-8',
})

/** Returns an answer with a JSON text. */
export function jsonResponse(
  body: Blob | ReadableStream<Uint8Array> | string,
  status = 200,
): Response {
  return new Response(body, { status, headers: jsonHeaders })
}

/** Returns a 304, whose sender has what it asked for. */
export function notModified(etag: string): Response {
  const response = new Response(null, { status: 304, headers: emptyHeaders })
  response.headers.set('etag', etag)
  return response
}

/** Adds the headers of every answer that it has not. */
export function withCommonHeaders(response: Response): Response {
  const { headers } = response
  // What this file returns has all of them.
  if (headers.has('x-frame-options')) return response
  for (const [name, value] of Object.entries(commonHeaders)) {
    if (!headers.has(name)) headers.set(name, value)
  }
  return response
}
