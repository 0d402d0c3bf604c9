import { Elysia } from 'elysia'
import { DomainError } from '../domain/errors'
import type { Login } from '../domain/login'
import type { BaseUrl } from './base-url'
import { parseBasicCredentials } from './basic-credentials'
import { describe } from './openapi'
import type { RequireSafe } from './plain-logins'
import type { RequestNotes } from './request-notes'
import { TokenAnswer } from './wire'

export function loginRoutes(deps: {
  login: Login
  baseUrl: BaseUrl
  notes: RequestNotes
  requireSafe: RequireSafe
}) {
  return new Elysia().get(
    '/login',
    async ({ request }) => {
      const { client } = deps.notes.of(request)
      deps.requireSafe(client)
      const credentials = parseBasicCredentials(request.headers.get('authorization'))
      if (credentials === null) {
        throw new DomainError('unauthenticated', "Authentication info missing or it's incomplete")
      }
      const { user, token } = await deps.login.login(credentials, {
        baseUrl: () => deps.baseUrl(request, client),
        address: client.address,
        signal: request.signal,
      })
      deps.notes.of(request).userId = user.id
      return { token }
    },
    describe({
      summary: 'Sign in',
      security: 'credentials',
      answers: { 200: TokenAnswer },
      refusals: [403, 429],
    }),
  )
}
