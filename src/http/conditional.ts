/**
 * Conditional requests (RFC 9110, section 13.1.2): a client that sends the entity tag of its copy gets 304 while nothing has
 * changed, without a look at the vault. Clients that send none notice nothing.
 */
import { type Awaitable, andThen } from '../domain/awaitable'
import { notModified } from './responses'
import type { SessionRequest } from './session'

/**
 * Returns 304 if the client has the present state of the vault; otherwise what `answer` returns, with its entity tag.
 */
export function answerIfChanged(
  { request, session }: SessionRequest,
  answer: () => Awaitable<Response>,
): Awaitable<Response> {
  const state = session.user.vaultState
  // Weak: the text of an answer may differ while it says the same.
  const etag = `W/"${state}"`
  const condition = request.headers.get('if-none-match')
  if (condition === etag || (condition !== null && isAmong(state, condition)))
    return notModified(etag)
  return andThen(answer(), (response) => {
    if (condition?.trim() === '*') return discard(response).then(() => notModified(etag))
    response.headers.set('etag', etag)
    return response
  })
}

/** Ends an answer that is not sent. */
async function discard({ body }: Response): Promise<void> {
  await body?.cancel()
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
