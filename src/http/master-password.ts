import { Elysia, t } from 'elysia'
import { DomainError } from '../domain/errors'
import { type MasterPassword, StateChangedError } from '../domain/master-password'
import type { ResolveBaseUrl } from './base-url'
import { parseBasicCredentials } from './basic-credentials'
import { toErrorBody } from './errors'
import { describeRoute } from './openapi'
import type { ReadJsonBody } from './read-body'
import { MasterPasswordBody, parseMasterPasswordChange } from './rekeyed-vault'
import type { RequestContexts } from './request-context'
import { type NeedsHttps, requireHttps } from './require-https'
import { jsonResponse } from './responses'
import { TokenResponse } from './schemas'

export const masterPasswordPath = '/account/master-password'

const ChangedResponse = t.Composite(
  [TokenResponse, t.Object({ state: t.String({ description: 'The state of the vault' }) })],
  { $id: 'MasterPasswordChanged' },
)

/** The change of the master password, with the whole vault under the new key. */
export function masterPasswordRoutes(deps: {
  masterPassword: MasterPassword
  /** Reads a body as large as a vault, for as long as it arrives. */
  readVaultJson: ReadJsonBody
  resolveBaseUrl: ResolveBaseUrl
  contexts: RequestContexts
  needsHttps: NeedsHttps
}) {
  return new Elysia().put(
    masterPasswordPath,
    async ({ request }) => {
      const context = deps.contexts.get(request)
      const { client } = context.findSender()
      requireHttps(deps.needsHttps, client)
      const credentials = parseBasicCredentials(request.headers.get('authorization'))
      if (credentials === null)
        throw new DomainError('unauthenticated', "Authentication info missing or it's incomplete")
      try {
        const { token, state, user } = await deps.masterPassword.change({
          credentials,
          readChange: async () => parseMasterPasswordChange(await deps.readVaultJson(request)),
          baseUrl: () => deps.resolveBaseUrl(request, client),
          address: client.address,
          bounds: context,
        })
        context.userId = user.id
        return { token, state }
      } catch (error) {
        if (!(error instanceof StateChangedError)) throw error
        return jsonResponse(JSON.stringify({ ...toErrorBody(error), state: error.state }), 409)
      }
    },
    describeRoute({
      summary: 'Change the master password, with the whole vault encrypted again',
      security: 'credentials',
      body: MasterPasswordBody,
      responses: { 200: ChangedResponse },
      errorStatuses: [403, 409, 429],
    }),
  )
}
