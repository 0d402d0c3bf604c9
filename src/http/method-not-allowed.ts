import { errorResponse } from './errors'
import type { RequestContexts } from './request-context'

export interface MethodTable {
  /** The answer to a request that no route took: 204 to OPTIONS, else 405 or 404. */
  respond(request: Request): Response
}

/** Which methods each path has, `HEAD` with every `GET` and `OPTIONS` with all (RFC 9110, sections 9.3.2 and 9.3.7). */
export function createMethodTable(
  routes: readonly { readonly method: string; readonly path: string }[],
  contexts: RequestContexts,
): MethodTable {
  const byPattern = new Map<string, Set<string>>()
  for (const { method, path } of routes) {
    const methods = byPattern.get(path) ?? new Set(['OPTIONS'])
    methods.add(method)
    if (method === 'GET') methods.add('HEAD')
    byPattern.set(path, methods)
  }
  const paths = [...byPattern].map(([pattern, methods]) => ({
    pattern,
    regExp: new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`),
    allow: [...methods].join(', '),
  }))

  return {
    respond(request) {
      const { pathname } = new URL(request.url)
      const path = paths.find(({ regExp }) => regExp.test(pathname))
      if (path === undefined) {
        return errorResponse(404, 'Resource Not Found. There is nothing at this address')
      }
      contexts.get(request).route = path.pattern
      const { allow } = path
      const headers = { allow }
      if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers })
      return errorResponse(405, `Method Not Allowed. This address takes ${allow}`, headers)
    },
  }
}
