import { Elysia } from 'elysia'
import type { Users } from '../domain/users'
import type { ResolveBaseUrl } from './base-url'
import { answerIfChanged } from './conditional'
import { describeRoute } from './openapi'
import type { ReadJsonBody } from './read-body'
import type { RequestContexts } from './request-context'
import { type NeedsHttps, requireHttps } from './require-https'
import { jsonResponse } from './responses'
import { fromUser, SignUpBody, SuccessResponse, success, toSignUp, UserResponse } from './schemas'
import type { SessionGuard } from './session'
import { createBodyValidator } from './validate-body'

const validateSignUp = createBodyValidator(SignUpBody)

/** Sign-up, and the signed-in user. */
export function usersRoutes(deps: {
  users: Users
  resolveBaseUrl: ResolveBaseUrl
  guard: SessionGuard
  readJson: ReadJsonBody
  contexts: RequestContexts
  needsHttps: NeedsHttps
}) {
  return new Elysia()
    .post(
      '/users',
      async ({ request, status }) => {
        const context = deps.contexts.get(request)
        const { client } = context.findSender()
        requireHttps(deps.needsHttps, client)
        const signUp = toSignUp(validateSignUp(await deps.readJson(request)))
        await deps.users.signUp(signUp, {
          baseUrl: () => deps.resolveBaseUrl(request, client),
          address: client.address,
          bounds: context,
        })
        context.userId = signUp.id
        return status(
          201,
          success(
            `User created successfully ${signUp.id}. Confirmation link is sent to user's email`,
          ),
        )
      },
      describeRoute({
        summary: 'Create an account',
        body: SignUpBody,
        responses: { 201: SuccessResponse },
        errorStatuses: [403, 409, 429],
      }),
    )
    .get(
      '/users',
      deps.guard((request) =>
        answerIfChanged(request, () =>
          jsonResponse(JSON.stringify(fromUser(request.session.user))),
        ),
      ),
      describeRoute({
        summary: 'Get the signed-in user',
        security: 'token',
        responses: { 200: UserResponse },
        isConditional: true,
      }),
    )
}
