import { networkOf } from './address'
import type { AuditEvent } from './audit'
import type { ClockWatch } from './clock-watch'
import { normalizeEmail } from './email'
import type { ConfirmationPolicy } from './email-confirmation'
import { DomainError } from './errors'
import { knownAddressLifetime, knownAddressPrecision, maxKnownAddresses } from './known-addresses'
import { isOlder } from './known-time'
import type { LoginEventBuffer, LoginEventKind } from './login-events'
import type { LoginThrottle } from './login-throttle'
import { hashOriginOf, type PasswordHash, type PasswordHasher } from './password-hash'
import { createRefusalDelay } from './refusal-delay'
import { type RequestBounds, withDeadline } from './request-bounds'
import type { Clock, MonotonicClock, Wait } from './runtime'
import type { Sessions } from './sessions'
import type { Store, WriteTransaction } from './store'
import { isStorable } from './text'
import type { User } from './user'
import type { WrongCredentials } from './wrong-credentials'

export interface Credentials {
  readonly email: string
  readonly masterPasswordHash: string
}

/** Where credentials came from. */
export interface LoginRequest {
  /** URL of the server for the link in a confirmation email. */
  readonly baseUrl: () => string
  /** IP address of the client; null if unknown. */
  readonly address: string | null
  readonly bounds?: RequestBounds
}

export interface Login {
  /**
   * Opens a session. Throws `unauthenticated` for wrong credentials, after the same work for known and unknown emails;
   * `rate_limited` after too many wrong ones, as late as for any other account; `unavailable` if too many logins wait or the deadline passes; `forbidden` for right credentials of an
   * account that is disabled or unconfirmed. An unconfirmed account is sent another confirmation email.
   */
  login(credentials: Credentials, request: LoginRequest): Promise<{ user: User; token: string }>
}

/** Precision of the last sign-in of an account, in milliseconds. A burst of sign-ins costs one write. */
const loginTimePrecision = 60_000

export function createLogin(deps: {
  store: Store
  hasher: PasswordHasher
  sessions: Sessions
  confirmation: ConfirmationPolicy
  throttle: LoginThrottle
  loginEvents: LoginEventBuffer
  wrongCredentials: WrongCredentials
  clock: Clock
  monotonicClock: MonotonicClock
  wait: Wait
  clockWatch: Pick<ClockWatch, 'ageLimit'>
}): Login {
  const { emailQueue, isRequired } = deps.confirmation
  const { loginEvents } = deps
  const refusals = createRefusalDelay(deps)

  /** Returns false if the database accepts no writes now. That must not fail a login; the next one writes again. */
  async function writeIfPossible(
    work: (tx: WriteTransaction) => Promise<void>,
    bounds: RequestBounds | undefined,
  ): Promise<boolean> {
    try {
      await deps.store.write(work, bounds)
      return true
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return false
    }
  }

  async function queueConfirmationEmail(
    user: User,
    { baseUrl, bounds }: LoginRequest,
  ): Promise<void> {
    if (emailQueue === null) return
    await writeIfPossible((tx) => emailQueue.queueConfirmation(tx, user, baseUrl), bounds)
    emailQueue.wake()
  }

  /** Checks credentials of `user`, null for an unknown account. Throws as `LoginThrottle.check`. */
  async function checkCredentials(attempt: {
    user: User | null
    credentials: Credentials
    includeLegacy: boolean
    isKnown: boolean
    address: string | null
    bounds: RequestBounds | undefined
  }): Promise<{ isRight: boolean; replacement: PasswordHash | null }> {
    const { user, credentials, includeLegacy, isKnown, address, bounds } = attempt
    const passwordHash = user?.passwordHash ?? null
    let replacement: PasswordHash | null = null
    const check = async (checkLimit: () => void) => {
      if (deps.wrongCredentials.has({ ...credentials, passwordHash })) {
        checkLimit()
        return false
      }
      const verdict = await refusals.observe(() =>
        deps.hasher.verify({
          ...credentials,
          passwordHash,
          includeLegacy,
          bounds,
          origin: hashOriginOf(address, isKnown ? credentials.email : null),
          beforeStart: checkLimit,
        }),
      )
      replacement = verdict.replacement
      const isRight = user !== null && verdict.matches
      if (!isRight) deps.wrongCredentials.add({ ...credentials, passwordHash })
      return isRight
    }
    const isRight = await refusals.delay(bounds, () => {
      const checking = deps.throttle.check({ ...credentials, address, isKnown }, check)
      return withDeadline(deps, bounds, checking)
    })
    return { isRight, replacement }
  }

  /**
   * Records a sign-in and its network, and replaces a legacy password hash, in one commit or none. `event` is written with
   * them or requeued; null if it was only counted.
   */
  async function recordLogin({
    user,
    replacement,
    network,
    lastLoginTime,
    event,
    bounds,
  }: {
    user: User
    replacement: PasswordHash | null
    network: string
    /** When the account was last signed in to from that network; null for never. */
    lastLoginTime: number | null
    event: AuditEvent | null
    bounds: RequestBounds | undefined
  }): Promise<void> {
    const now = deps.clock()
    // The absolute value, so that a time from a wrong clock in the future is overwritten.
    const isKnown = user.loginTime !== null && Math.abs(now - user.loginTime) < loginTimePrecision
    // An implausible time replaces none: the network would be unknown once the clock is right.
    const keepsTime = lastLoginTime !== null && deps.clockWatch.ageLimit(0) === null
    const isRemembered =
      lastLoginTime !== null && (keepsTime || Math.abs(now - lastLoginTime) < knownAddressPrecision)
    const events = event === null ? [] : [event]
    // An audit event alone is not worth a commit that the client waits for.
    if (isKnown && isRemembered && replacement === null) return loginEvents.requeue(events)
    const isWritten = await writeIfPossible(async (tx) => {
      if (replacement !== null) {
        await tx.users.replacePasswordHash(user.id, { from: user.passwordHash, to: replacement })
      }
      await tx.users.recordLogin(user.id, now)
      if (!keepsTime) {
        await tx.knownAddresses.remember(user.id, network, { time: now, max: maxKnownAddresses })
      }
      if (event !== null) tx.audit.record(event)
    }, bounds)
    if (!isWritten) loginEvents.requeue(events)
  }

  return {
    async login(credentials, request) {
      const { address, bounds } = request
      const email = normalizeEmail(credentials.email)
      const network = networkOf(address)
      const { user, lastLoginTime, includeLegacy } = await deps.store.read(async (tx) => {
        const found = isStorable(email) ? await tx.users.findByEmail(email) : null
        return {
          user: found,
          // For unknown accounts too, so that known ones don't take longer.
          lastLoginTime: await tx.knownAddresses.findLastLoginTime(found?.id ?? '', network),
          includeLegacy: await tx.users.hasLegacyPasswordHashes(),
        }
      }, bounds)
      const isKnown =
        lastLoginTime !== null &&
        !isOlder(lastLoginTime, deps.clockWatch.ageLimit(knownAddressLifetime))

      const loginEvent = (kind: LoginEventKind) => ({ kind, user, address })
      const { isRight, replacement } = await checkCredentials({
        ...{ user, includeLegacy, isKnown, address, bounds },
        credentials: { email, masterPasswordHash: credentials.masterPasswordHash },
      }).catch((error: unknown) => {
        if (isRateLimited(error)) loginEvents.record(loginEvent('login-limited'))
        throw error
      })
      if (user === null || !isRight) {
        loginEvents.record(loginEvent('login-failed'))
        throw new DomainError('unauthenticated', 'Incorrect credentials')
      }

      if (user.isDisabled) {
        loginEvents.record(loginEvent('login-refused'))
        throw new DomainError('forbidden', 'The account is disabled; ask whoever runs this server')
      }
      if (isRequired && !user.emailConfirmed) {
        loginEvents.record(loginEvent('login-refused'))
        await queueConfirmationEmail(user, request)
        throw new DomainError(
          'forbidden',
          "Email isn't confirmed. Resending email confirmation letter...",
        )
      }
      const event = loginEvents.coalesce(loginEvent('login'))
      await recordLogin({ user, replacement, network, lastLoginTime, event, bounds })
      return { user, token: await deps.sessions.open(user) }
    },
  }
}

function isRateLimited(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'rate_limited'
}
