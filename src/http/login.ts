import { Elysia } from 'elysia'
import { DomainError } from '../domain/errors'
import type { Login } from '../domain/login'
import type { ResolveBaseUrl } from './base-url'
import { parseBasicCredentials } from './basic-credentials'
import { deviceKindOf } from './device-kind'
import { describeRoute } from './openapi'
import type { RequestContexts } from './request-context'
import { type NeedsHttps, requireHttps } from './require-https'
import { TokenResponse } from './schemas'

/** Sign-in. */
export function loginRoutes(deps: {
  login: Login
  resolveBaseUrl: ResolveBaseUrl
  contexts: RequestContexts
  needsHttps: NeedsHttps
}) {
  return new Elysia().get(
    '/login',
    async ({ request }) => {
      const context = deps.contexts.get(request)
      const { client } = context.findSender()
      requireHttps(deps.needsHttps, client)
      const credentials = parseBasicCredentials(request.headers.get('authorization'))
      if (credentials === null) {
        throw new DomainError('unauthenticated', "Authentication info missing or it's incomplete")
      }
      const { user, token } = await deps.login.login(credentials, {
        baseUrl: () => deps.resolveBaseUrl(request, client),
        address: client.address,
        kind: deviceKindOf(request.headers.get('user-agent')),
        bounds: context,
      })
      context.userId = user.id
      return { token }
    },
    describeRoute({
      summary: 'Sign in: exchange the credentials for a session token',
      security: 'credentials',
      responses: { 200: TokenResponse },
      errorStatuses: [403, 429],
    }),
  )
}
