import { networkOf } from './address'
import { userEvent } from './audit'
import {
  type CredentialCheck,
  type Credentials,
  type CredentialsRequest,
  wrongCredentials,
} from './credential-check'
import type { DeviceKind, ListedDevice } from './devices'
import type { LoginEventBuffer } from './login-events'
import type { Clock, Random } from './runtime'
import { newSessionEpoch, type Session, type Sessions, sessionEnded } from './sessions'
import type { Store } from './store'
import type { SignedInUser, User } from './user'

/** A request of a signed-in client about its own account. */
export interface AccountSession extends Session {
  readonly user: Pick<SignedInUser, 'id' | 'email' | 'sessionEpoch'>
}

/** What owners do with their own accounts. */
export interface Account {
  /**
   * Returns the devices from which the account was signed in to, the one that was signed in from last first. `from` is who asks: none
   * is current if no such client has signed in from that network.
   */
  listDevices(
    session: AccountSession,
    from: { readonly kind: DeviceKind; readonly address: string | null },
  ): Promise<readonly ListedDevice[]>

  /**
   * Ends all sessions of the account, and returns the token of a new one, which lasts as long as `token`, that of the session that
   * asks. Throws `unauthenticated` if that has ended in the meantime.
   */
  endSessions(
    session: AccountSession,
    from: { readonly token: string; readonly address: string | null },
  ): Promise<string>

  /**
   * Deletes the account of credentials, and returns it: it has no sessions any more, and is hidden until it is purged (see
   * `removeExpiredAccounts`). Throws as `CredentialCheck.check`.
   */
  leave(credentials: Credentials, request: CredentialsRequest): Promise<User>
}

export function createAccount(deps: {
  store: Store
  sessions: Sessions
  credentialCheck: CredentialCheck
  loginEvents: LoginEventBuffer
  random: Random
  clock: Clock
}): Account {
  const { store, sessions, loginEvents, random } = deps
  return {
    async listDevices({ user, request }, { kind, address }) {
      const network = networkOf(address)
      const devices = await store.readOne((tx) => tx.devices.list(user.id), request)
      return devices.map((device) => ({
        ...device,
        isCurrent: device.kind === kind && device.network === network,
      }))
    },

    async endSessions({ user, request }, { token, address }) {
      const sessionEpoch = newSessionEpoch(random)
      // Counted like sign-ins: the owner may do it all day long.
      const event = loginEvents.coalesce({ kind: 'sessions-ended', user, address })
      await store.write(async (tx) => {
        if (!(await tx.users.endSessions(user, sessionEpoch))) throw sessionEnded()
        if (event !== null) tx.audit.record(event)
      }, request)
      return await sessions.open({ ...user, sessionEpoch }, token)
    },

    async leave(credentials, request) {
      const { address, bounds } = request
      const { user } = await deps.credentialCheck.check(credentials, request)
      const change = { time: deps.clock(), epoch: newSessionEpoch(random) }
      await store.write(async (tx) => {
        // Since the check, an operator or the owner may have ended the sessions, or the account.
        if (!(await tx.users.hide(user, change))) throw wrongCredentials()
        tx.audit.record(userEvent({ time: change.time, kind: 'user-left', user, address }))
      }, bounds)
      return user
    },
  }
}
