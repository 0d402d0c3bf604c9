import { Elysia, t } from 'elysia'
import type { Account } from '../domain/account'
import { deviceKinds, type ListedDevice } from '../domain/devices'
import { type CredentialsDeps, readCredentials } from './basic-credentials'
import { deviceKindOf } from './device-kind'
import { describeRoute } from './openapi'
import { jsonResponse } from './responses'
import { SuccessResponse, success, TokenResponse } from './schemas'
import { type SessionGuard, tokenOf } from './session'

const time = (description: string) => ({ type: 'integer', description })

const DevicesResponse = t.Object(
  {
    devices: t.Array(
      t.Object({
        kind: t.Unsafe<string>({ type: 'string', enum: deviceKinds }),
        network: t.String({
          description: 'An IPv4 address, the /64 of an IPv6 address, or - for an unknown one',
        }),
        first_seen: t.Unsafe<number | null>({
          ...time('The first sign-in, in milliseconds since 1970; null if it was not recorded'),
          type: ['integer', 'null'],
        }),
        last_seen: t.Unsafe<number>(
          time('A sign-in of the last day on which there was one, in milliseconds since 1970'),
        ),
        is_current: t.Boolean({
          description: 'Whether the request comes from it: true for one device at most',
        }),
      }),
    ),
  },
  { $id: 'Devices' },
)

/** The account of a user: where it is used, signing out everywhere, and leaving. */
export function accountRoutes(deps: CredentialsDeps & { account: Account; guard: SessionGuard }) {
  const { account, guard } = deps
  return new Elysia()
    .get(
      '/account/devices',
      guard(async ({ request, session }) => {
        const { address } = deps.contexts.get(request).findSender().client
        const kind = deviceKindOf(request.headers.get('user-agent'))
        const devices = await account.listDevices(session, { kind, address })
        return jsonResponse(JSON.stringify({ devices: devices.map(fromDevice) }))
      }),
      describeRoute({
        summary: 'List the devices from which the account was signed in to',
        security: 'token',
        responses: { 200: DevicesResponse },
      }),
    )
    .delete(
      '/account/sessions',
      guard(async ({ request, session }) => {
        const { address } = deps.contexts.get(request).findSender().client
        const token = await account.endSessions(session, { token: tokenOf(request), address })
        return jsonResponse(JSON.stringify({ token }))
      }),
      describeRoute({
        summary: 'Sign out everywhere, and get a token for a new session',
        security: 'token',
        responses: { 200: TokenResponse },
      }),
    )
    .delete(
      '/account',
      async ({ request }) => {
        const { credentials, from } = readCredentials(request, deps)
        const { id } = await account.leave(credentials, from)
        deps.contexts.get(request).userId = id
        return success('Account is deleted. The operator of the server can undo that for 7 days')
      },
      describeRoute({
        summary: 'Delete the account with its vault; an operator can undo that for 7 days',
        security: 'credentials',
        responses: { 200: SuccessResponse },
        errorStatuses: [403, 429],
      }),
    )
}

function fromDevice({ kind, network, firstTime, lastTime, isCurrent }: ListedDevice) {
  return { kind, network, first_seen: firstTime, last_seen: lastTime, is_current: isCurrent }
}
