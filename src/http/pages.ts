import { Elysia } from 'elysia'
import type {
  ConfirmationOutcome,
  ConfirmationRequest,
  ConfirmationState,
  EmailConfirmation,
} from '../domain/email-confirmation'
import { DomainError } from '../domain/errors'
import type { SignUpPolicy } from '../domain/sign-up-policy'
import type { ConfirmationPageOutcome } from '../web/confirmation-page'
import faviconPath from '../web/favicon.png' with { type: 'file' }
import { urlOf } from './client'
import { describeRoute } from './openapi'
import type { RequestContexts } from './request-context'
import type { NeedsHttps } from './require-https'

/** The routes for browsers: the start page, its icon and the confirmation of an email. */
export function pagesRoutes(deps: {
  emailConfirmation: EmailConfirmation
  contexts: RequestContexts
  publicUrl: URL | null
  authority: () => object | null
  tlsPort: () => number | null
  httpPort: () => number | null
  needsHttps: NeedsHttps
  signUps: SignUpPolicy
  version: string
}) {
  const favicon = Bun.file(faviconPath).bytes()
  const base = basePathOf(deps.publicUrl)

  const linkPage = renderOnce(({ renderConfirmationPage }, what: ConfirmationPageOutcome) =>
    renderConfirmationPage(what, base),
  )

  /** Answers with the page of what `find` returns or throws: people follow the link, so an expected error is no JSON. */
  const respondToLink = async (
    request: Request,
    find: (from: ConfirmationRequest) => Promise<ConfirmationState | ConfirmationOutcome>,
  ): Promise<Response> => {
    const context = deps.contexts.get(request)
    try {
      const outcome = await find({ address: context.findSender().client.address, bounds: context })
      return await htmlResponse(linkPage(outcome), { hasForm: outcome === 'unconfirmed' })
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (error.code !== 'rate_limited')
        return await htmlResponse(linkPage('unavailable'), { status: 503 })
      const headers = { 'retry-after': String(error.retryAfter) }
      return await htmlResponse(linkPage('too many'), { status: 429, headers })
    }
  }

  return new Elysia()
    .get(
      '/',
      ({ request }) => {
        const { client } = deps.contexts.get(request).findSender()
        const opened = new URL('/', urlOf(request, client))
        const plain = deps.publicUrl ?? opened
        const needsHttps = deps.needsHttps(client)
        const address = needsHttps ? (httpsUrlOf(plain, opened, deps.tlsPort()) ?? plain) : plain
        const httpAddress =
          address.protocol === 'http:' ? address : httpUrlOf(opened, deps.httpPort())
        return htmlResponse(({ renderIndexPage }) =>
          renderIndexPage({
            version: deps.version,
            address,
            httpAddress: needsHttps ? null : httpAddress,
            hasAuthority: deps.authority() !== null,
            signUps: deps.signUps,
            needsHttps,
          }),
        )
      },
      describeRoute({ summary: 'Start page of this server', responses: { 200: 'text/html' } }),
    )
    .get(
      '/favicon.ico',
      async () =>
        new Response(await favicon, {
          headers: { 'content-type': 'image/png', 'cache-control': 'public, max-age=86400' },
        }),
      describeRoute({ summary: 'Icon of the pages', responses: { 200: 'image/png' } }),
    )
    .get(
      '/confirm/:token',
      ({ params, request }) =>
        respondToLink(request, (from) => deps.emailConfirmation.check(params.token, from)),
      describeRoute({
        summary: 'Page with a button that confirms an email address. Changes nothing by itself',
        responses: { 200: 'text/html' },
      }),
    )
    .post(
      '/confirm/:token',
      ({ params, request }) =>
        respondToLink(request, (from) => deps.emailConfirmation.confirm(params.token, from)),
      describeRoute({
        summary: 'Confirm an email address with the link that was sent to it',
        responses: { 200: 'text/html' },
      }),
    )
}

/** Returns the path of the start page, with a slash at its end. */
export function basePathOf(publicUrl: URL | null): string {
  return publicUrl?.pathname ?? '/'
}

/** Returns the plain-HTTP URL of this server for a client that reaches it at `address`; null if there is none. */
function httpUrlOf(address: URL, port: number | null): URL | null {
  if (address.protocol === 'http:') return address
  return port === null ? null : new URL(`http://${address.hostname}:${port}/`)
}

/** Returns the HTTPS URL of this server for a client that has opened it at `opened` by plain HTTP; null if there is none. */
export function httpsUrlOf(address: URL, opened: URL, port: number | null): URL | null {
  if (address.protocol === 'https:') return address
  return port === null ? null : new URL(`https://${opened.hostname}:${port}/`)
}

type Pages = typeof import('../web/pages').pages

/** Returns what renders each of a few pages once, since anybody may ask for them, as often as they like. */
export function renderOnce<Kind>(
  render: (pages: Pages, kind: Kind) => string,
): (kind: Kind) => (pages: Pages) => string {
  const rendered = new Map<Kind, string>()
  return (kind) => (pages) => {
    const page = rendered.get(kind) ?? render(pages, kind)
    rendered.set(kind, page)
    return page
  }
}

/** Returns an HTML page that may load nothing from elsewhere. With `hasForm`, it may send a form to this server. */
export async function htmlResponse(
  render: (pages: Pages) => string,
  options: { status?: number; headers?: Readonly<Record<string, string>>; hasForm?: boolean } = {},
): Promise<Response> {
  const { contentSecurityPolicy, formContentSecurityPolicy, pages } = await import('../web/pages')
  const { status = 200, headers = {}, hasForm = false } = options
  return new Response(render(pages), {
    status,
    headers: {
      'content-type': 'text/html;charset=utf-8',
      'content-security-policy': hasForm ? formContentSecurityPolicy : contentSecurityPolicy,
      ...headers,
    },
  })
}
