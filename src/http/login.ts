import { Elysia } from 'elysia'
import type { Login } from '../domain/login'
import { type CredentialsDeps, readCredentials } from './basic-credentials'
import { deviceKindOf } from './device-kind'
import { describeRoute } from './openapi'
import { TokenResponse } from './schemas'

/** Sign-in. */
export function loginRoutes(deps: CredentialsDeps & { login: Login }) {
  return new Elysia().get(
    '/login',
    async ({ request }) => {
      const { credentials, from } = readCredentials(request, deps)
      const kind = deviceKindOf(request.headers.get('user-agent'))
      const { user, token } = await deps.login.login(credentials, { ...from, kind })
      deps.contexts.get(request).userId = user.id
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
