import { errorResponse } from './errors'
import type { RequestContexts } from './request-context'

export interface MethodTable {
  /** Returns the answer to a request that matches no route: 404 for an unknown path, 204 to OPTIONS, 405 otherwise. */
  respond(request: Request): Response
}

/**
 * Lists the methods of each path. A path with GET has HEAD too, and every path has OPTIONS (RFC 9110, sections 9.3.2 and
 * 9.3.7).
 */
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
