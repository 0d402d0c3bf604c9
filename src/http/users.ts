import { Elysia } from 'elysia'
import type { Users } from '../domain/users'
import type { BaseUrl } from './base-url'
import type { JsonBody } from './body'
import { bodyReader } from './fields'
import { describe } from './openapi'
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
}) {
  return new Elysia()
    .post(
      '/users',
      async ({ request, status }) => {
        const signUp = toSignUp(readSignUp(await deps.json(request)))
        await deps.users.signUp(signUp, () => deps.baseUrl(request))
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
        refusals: [409],
      }),
    )
    .use(deps.guard)
    .get(
      '/users',
      ({ user }) => fromUser(user),
      describe({ summary: 'The current user', security: 'token', answers: { 200: UserAnswer } }),
    )
}
