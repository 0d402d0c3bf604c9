/**
 * Conditional requests (RFC 9110, section 13.1.2): a client that sends the entity tag of its copy gets 304 while nothing has
 * changed, at the cost of reading the user. Clients that send none notice nothing.
 */
import { vaultStateOf } from '../domain/vault-state'
import type { OpenSession } from './session'

/**
 * Returns 304 if the client has the present state of the vault; otherwise what `answer` returns, with its entity tag.
 *
 * Routes pass what it needs of Elysia's context, not the context: Elysia would prepare all of it then, cookies included.
 */
export async function answerIfChanged(
  { request, session }: { readonly request: Request; readonly session: OpenSession },
  answer: () => Response | Promise<Response>,
): Promise<Response> {
  const state = vaultStateOf(session.user)
  // Weak: the text of an answer may differ while it says the same.
  const headers = { etag: `W/"${state}"` }
  const condition = request.headers.get('if-none-match')
  if (condition !== null && isAmong(state, condition))
    return new Response(null, { status: 304, headers })
  const response = await answer()
  if (condition?.trim() === '*') {
    await response.body?.cancel()
    return new Response(null, { status: 304, headers })
  }
  response.headers.set('etag', headers.etag)
  return response
}

/** What proxies append to the tag of an answer that they compress: `-gzip` (Apache), `--gzip` (Jetty), `;br`. */
const proxySuffix = /^[-;]{1,2}[a-z]{1,10}$/

/** Returns whether a list of entity tags contains that of a state, by the weak comparison. */
function isAmong(state: string, condition: string): boolean {
  for (const [, tag = ''] of condition.matchAll(/"([^"]*)"/g)) {
    if (tag.startsWith(state) && (tag === state || proxySuffix.test(tag.slice(state.length))))
      return true
  }
  return false
}
