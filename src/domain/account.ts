import type { Device } from './devices'
import type { LoginEventBuffer } from './login-events'
import type { Random } from './runtime'
import { newSessionEpoch, type Session, type Sessions, sessionEnded } from './sessions'
import type { Store } from './store'
import type { SignedInUser } from './user'

/** A request of a signed-in client about its own account. */
export interface AccountSession extends Session {
  readonly user: Pick<SignedInUser, 'id' | 'email' | 'sessionEpoch'>
}

/** What owners do with their own accounts. */
export interface Account {
  /** Returns the devices from which the account was signed in to, the one that was signed in from last first. */
  listDevices(session: AccountSession): Promise<readonly Device[]>

  /**
   * Ends all sessions of the account, and returns the token of a new one, which lasts as long as `token`, that of the session that
   * asks. Throws `unauthenticated` if that has ended in the meantime.
   */
  endSessions(
    session: AccountSession,
    from: { readonly token: string; readonly address: string | null },
  ): Promise<string>
}

export function createAccount(deps: {
  store: Store
  sessions: Sessions
  loginEvents: LoginEventBuffer
  random: Random
}): Account {
  const { store, sessions, loginEvents, random } = deps
  return {
    listDevices: ({ user, request }) => store.readOne((tx) => tx.devices.list(user.id), request),

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
  }
}
