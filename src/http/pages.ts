import { Elysia } from 'elysia'
import type { EmailConfirmation } from '../domain/email-confirmation'
import { DomainError } from '../domain/errors'
import { renderConfirmationPage } from '../web/confirmation-page'
import faviconPath from '../web/favicon.png' with { type: 'file' }
import { renderIndexPage } from '../web/index-page'
import { contentSecurityPolicy } from '../web/page'
import { urlOf } from './client'
import { describeRoute } from './openapi'
import type { RequestContexts } from './request-context'

/** The routes for browsers: the start page, its icon and the confirmation of an email. */
export function pagesRoutes(deps: {
  emailConfirmation: EmailConfirmation
  contexts: RequestContexts
  authority: () => object | null
  httpPort: () => number | null
  version: string
}) {
  const favicon = Bun.file(faviconPath).bytes()

  return new Elysia()
    .get(
      '/',
      ({ request }) => {
        const address = new URL('/', urlOf(request, deps.contexts.get(request).client))
        const hasAuthority = deps.authority() !== null
        const httpAddress = httpUrlOf(address, deps.httpPort())
        return htmlResponse(
          renderIndexPage({ version: deps.version, address, httpAddress, hasAuthority }),
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
      async ({ params, request }) => {
        try {
          const context = deps.contexts.get(request)
          const { address } = context.client
          const outcome = await deps.emailConfirmation.confirm(params.token, {
            address,
            bounds: context,
          })
          return htmlResponse(renderConfirmationPage(outcome))
        } catch (error) {
          // A person follows the link, so expected errors are a page here, not JSON.
          if (!(error instanceof DomainError)) throw error
          if (error.code !== 'rate_limited')
            return htmlResponse(renderConfirmationPage('unavailable'), 503)
          return htmlResponse(renderConfirmationPage('too many'), 429, {
            'retry-after': String(error.retryAfter),
          })
        }
      },
      describeRoute({
        summary: 'Confirm an email address with the link that was sent to it',
        responses: { 200: 'text/html' },
      }),
    )
}

/** Returns the plain-HTTP URL of this server for a client that reaches it at `address`; null if there is none. */
function httpUrlOf(address: URL, port: number | null): URL | null {
  if (address.protocol === 'http:') return address
  return port === null ? null : new URL(`http://${address.hostname}:${port}/`)
}

/** Returns an HTML page that may load nothing from elsewhere. */
export function htmlResponse(
  html: string,
  status: number = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(html, {
    status,
    headers: {
      ...headers,
      'content-type': 'text/html;charset=utf-8',
      'content-security-policy': contentSecurityPolicy,
    },
  })
}
