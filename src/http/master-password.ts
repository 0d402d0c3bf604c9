import { Elysia, t } from 'elysia'
import { type MasterPassword, StateChangedError } from '../domain/master-password'
import { type CredentialsDeps, readCredentials } from './basic-credentials'
import { toErrorBody } from './errors'
import { describeRoute } from './openapi'
import type { ReadJsonBody } from './read-body'
import { MasterPasswordBody, parseMasterPasswordChange } from './rekeyed-vault'
import { jsonResponse } from './responses'
import { TokenResponse } from './schemas'

export const masterPasswordPath = '/account/master-password'

const ChangedResponse = t.Composite(
  [TokenResponse, t.Object({ state: t.String({ description: 'The state of the vault' }) })],
  { $id: 'MasterPasswordChanged' },
)

/** The change of the master password, with the whole vault under the new key. */
export function masterPasswordRoutes(
  deps: CredentialsDeps & {
    masterPassword: MasterPassword
    /** Reads a body as large as a vault, for as long as it arrives. */
    readVaultJson: ReadJsonBody
  },
) {
  return new Elysia().put(
    masterPasswordPath,
    async ({ request }) => {
      const { credentials, from } = readCredentials(request, deps)
      try {
        const { token, state, user } = await deps.masterPassword.change({
          ...from,
          credentials,
          readChange: async () => parseMasterPasswordChange(await deps.readVaultJson(request)),
        })
        deps.contexts.get(request).userId = user.id
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
