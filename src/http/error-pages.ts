import type { Awaitable } from '../domain/awaitable'
import type { ErrorPageKind } from '../web/error-page'
import { htmlResponse, renderOnce } from './pages'
import type { RequestContexts } from './request-context'

/** The routes that people open in a browser, and those that match none. All others are of the API, and answer JSON. */
const routesOfPeople: ReadonlySet<string | null> = new Set([
  null,
  '/',
  '/favicon.ico',
  '/ca',
  '/confirm/:token',
  '/vault',
  '/vault/',
  '/vault/:file',
])

/**
 * Returns a function that gives browsers a page in place of a failure in JSON. Clients do not ask for HTML, and get what the wire
 * contract says.
 */
export function createErrorPages(deps: {
  readonly contexts: RequestContexts
  /** Path of the start page. */
  readonly base: string
}): (request: Request, response: Response) => Awaitable<Response> {
  const errorPage = renderOnce(({ renderErrorPage }, kind: ErrorPageKind) =>
    renderErrorPage(kind, deps.base),
  )

  async function toPage(response: Response): Promise<Response> {
    const { status } = response
    const page = await htmlResponse((pages) => errorPage(pages.errorPageKindOf(status))(pages), {
      status,
    })
    for (const [name, value] of response.headers)
      if (!page.headers.has(name)) page.headers.set(name, value)
    return page
  }

  return (request, response) => {
    if (response.status < 400) return response
    const isForBrowser =
      ['GET', 'HEAD'].includes(request.method) &&
      request.headers.get('accept')?.includes('text/html') === true &&
      response.headers.get('content-type')?.includes('json') === true &&
      routesOfPeople.has(deps.contexts.get(request).route)
    return isForBrowser ? toPage(response) : response
  }
}
