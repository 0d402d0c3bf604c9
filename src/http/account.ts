import { Elysia, t } from 'elysia'
import type { Account } from '../domain/account'
import { type Device, deviceKinds } from '../domain/devices'
import { describeRoute } from './openapi'
import type { RequestContexts } from './request-context'
import { jsonResponse } from './responses'
import { TokenResponse } from './schemas'
import { type SessionGuard, tokenOf } from './session'

const time = (description: string) => ({ type: 'integer', description })

const DevicesResponse = t.Object(
  {
    devices: t.Array(
      t.Object({
        kind: t.Unsafe<string>({ type: 'string', enum: deviceKinds }),
        network: t.String({ description: 'An IPv4 address, or the /64 of an IPv6 address' }),
        first_seen: t.Unsafe<number | null>({
          ...time('The first sign-in, in milliseconds since 1970; null if it was not recorded'),
          type: ['integer', 'null'],
        }),
        last_seen: t.Unsafe<number>(
          time('A sign-in of the last day on which there was one, in milliseconds since 1970'),
        ),
      }),
    ),
  },
  { $id: 'Devices' },
)

/** The account of the signed-in user: where it is used, and signing out everywhere. */
export function accountRoutes(deps: {
  account: Account
  guard: SessionGuard
  contexts: RequestContexts
}) {
  const { account, guard } = deps
  return new Elysia()
    .get(
      '/account/devices',
      guard(async ({ session }) => {
        const devices = await account.listDevices(session)
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
}

function fromDevice({ kind, network, firstTime, lastTime }: Device) {
  return { kind, network, first_seen: firstTime, last_seen: lastTime }
}
