import { Elysia } from 'elysia'
import type { Users } from '../domain/users'
import type { BaseUrl } from './base-url'
import type { JsonBody } from './body'
import { bodyReader } from './fields'
import { describe } from './openapi'
import type { RequireSafe } from './plain-logins'
import type { RequestNotes } from './request-notes'
import type { sessionGuard } from './session'
import { fromUser, SignUpBody, SuccessAnswer, success, toSignUp, UserAnswer } from './wire'

const readSignUp = bodyReader(SignUpBody)

export function usersRoutes(deps: {
  users: Users
  baseUrl: BaseUrl
  guard: ReturnType<typeof sessionGuard>
  json: JsonBody
  notes: RequestNotes
  requireSafe: RequireSafe
}) {
  return new Elysia()
    .post(
      '/users',
      async ({ request, status }) => {
        const { client } = deps.notes.of(request)
        deps.requireSafe(client)
        const signUp = toSignUp(readSignUp(await deps.json(request)))
        await deps.users.signUp(signUp, {
          baseUrl: () => deps.baseUrl(request, client),
          address: client.address,
        })
        deps.notes.of(request).userId = signUp.id
        return status(
          201,
          success(
            `User created successfully ${signUp.id}. Confirmation link is sent to user's email`,
          ),
        )
      },
      describe({
        summary: 'Sign up',
        body: SignUpBody,
        answers: { 201: SuccessAnswer },
        refusals: [403, 409, 429],
      }),
    )
    .use(deps.guard)
    .get(
      '/users',
      ({ user }) => fromUser(user),
      describe({ summary: 'The current user', security: 'token', answers: { 200: UserAnswer } }),
    )
}
