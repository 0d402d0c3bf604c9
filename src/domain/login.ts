import { networkOf } from './address'
import type { AuditEvent } from './audit'
import type { ClockWatch } from './clock-watch'
import type {
  CheckedAccount,
  CredentialCheck,
  Credentials,
  CredentialsRequest,
} from './credential-check'
import { type DeviceIdentity, type DeviceKind, devicePrecision, maxDevices } from './devices'
import { DomainError } from './errors'
import type { LoginEventBuffer } from './login-events'
import type { RequestBounds } from './request-bounds'
import type { Clock } from './runtime'
import type { Sessions } from './sessions'
import type { Store } from './store'
import type { User } from './user'

/** Where a sign-in came from. */
export interface LoginRequest extends CredentialsRequest {
  /** Of the client. */
  readonly kind: DeviceKind
}

export interface Login {
  /** Opens a session. Throws as `CredentialCheck.check`. */
  login(credentials: Credentials, request: LoginRequest): Promise<{ user: User; token: string }>
}

/** Precision of the last sign-in of an account, in milliseconds. A burst of sign-ins costs one write. */
const loginTimePrecision = 60_000

export function createLogin(deps: {
  store: Store
  sessions: Sessions
  credentialCheck: CredentialCheck
  loginEvents: LoginEventBuffer
  clock: Clock
  clockWatch: Pick<ClockWatch, 'ageLimit'>
}): Login {
  const { store, loginEvents } = deps

  /**
   * Records a sign-in and its device, and replaces a legacy password hash, in one commit or none. `event` is written with
   * them or requeued; null if it was only counted. A database that accepts no writes must not fail a sign-in; the next one
   * writes again.
   */
  async function recordLogin({
    account: { user, replacement, devices },
    device,
    event,
    bounds,
  }: {
    account: CheckedAccount
    device: DeviceIdentity
    event: AuditEvent | null
    bounds: RequestBounds | undefined
  }): Promise<void> {
    const now = deps.clock()
    const lastTime = devices.find(({ kind }) => kind === device.kind)?.lastTime ?? null
    const isIdentified = lastTime === null && devices.some(({ kind }) => kind === 'unknown')
    // The absolute value, so that a time from a wrong clock in the future is overwritten.
    const isRecent = user.loginTime !== null && Math.abs(now - user.loginTime) < loginTimePrecision
    // An implausible time replaces none: the network would be unknown once the clock is right.
    const keepsTime = (lastTime !== null || isIdentified) && deps.clockWatch.ageLimit(0) === null
    const isRemembered =
      keepsTime || (lastTime !== null && Math.abs(now - lastTime) < devicePrecision)
    const events = event === null ? [] : [event]
    // An audit event alone is not worth a commit that the client waits for.
    const hasChanged = !isRecent || !isRemembered || isIdentified || replacement !== null
    if (!hasChanged) return loginEvents.requeue(events)
    try {
      await store.write(async (tx) => {
        if (replacement !== null) {
          await tx.users.replacePasswordHash(user.id, { from: user.passwordHash, to: replacement })
        }
        await tx.users.recordLogin(user.id, now)
        if (isIdentified) await tx.devices.identify(user.id, device)
        if (!isRemembered)
          await tx.devices.remember(user.id, device, { time: now, max: maxDevices })
        if (event !== null) tx.audit.record(event)
      }, bounds)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      loginEvents.requeue(events)
    }
  }

  return {
    async login(credentials, request) {
      const { address, kind, bounds } = request
      const account = await deps.credentialCheck.check(credentials, request)
      const { user } = account
      const event = loginEvents.coalesce({ kind: 'login', user, address })
      const device = { kind, network: networkOf(address) }
      await recordLogin({ account, device, event, bounds })
      return { user, token: await deps.sessions.open(user) }
    },
  }
}
