/**
 * The offline-copy rule. Both clients keep an offline copy of the vault, and a wrong answer makes them delete it: the
 * Windows client on any answer to `GET /records`, `/notes` or `/additional_fields` that is not 2xx, the Android client on
 * a 404 from `GET /records` or `/notes`. If a bug or a full disk were answered like that, the user would lose the last
 * copy of the passwords. A connection that closes without an answer leaves the copy alone.
 *
 * So these routes answer with an error only if the error is about the vault or the session: the collection is empty, the
 * token is invalid, the record belongs to another user. When the server can't tell, because of a bug, an unavailable
 * database, a full disk or a limit, it closes the connection without an answer.
 *
 * `isCopiedOffline: true` in the description of a route puts it under the rule. `createErrorHandler` in errors.ts applies
 * the rule.
 */
import { operationOf, type Route } from './openapi'

/** Returns the routes under the rule, each as method and path pattern: `GET /records`. */
export function copiedOfflineRoutes(routes: readonly Route[]): ReadonlySet<string> {
  return new Set(
    routes
      .filter(({ hooks }) => operationOf(hooks.detail)?.isCopiedOffline === true)
      .map(({ method, path }) => `${method} ${path}`),
  )
}

/**
 * Returns a response that makes Bun close the connection without an answer: its stream fails at the start. The stream's
 * error is empty, because Bun prints it.
 */
export function cutConnection(): Response {
  return new Response(new ReadableStream({ start: (controller) => controller.error() }))
}
