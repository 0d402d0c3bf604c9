import { networkOf } from './address'
import type { ClockWatch } from './clock-watch'
import { type Device, knownNetworkLifetime } from './devices'
import { normalizeEmail } from './email'
import type { ConfirmationPolicy } from './email-confirmation'
import { DomainError } from './errors'
import { isOlder } from './known-time'
import type { LoginEventBuffer, LoginEventKind } from './login-events'
import type { LoginThrottle } from './login-throttle'
import { hashOriginOf, type PasswordHash, type PasswordHasher } from './password-hash'
import { createRefusalDelay } from './refusal-delay'
import { type RequestBounds, withDeadline } from './request-bounds'
import type { MonotonicClock, Wait } from './runtime'
import type { Store } from './store'
import { isStorable } from './text'
import type { User } from './user'
import type { WrongCredentials } from './wrong-credentials'

export interface Credentials {
  readonly email: string
  readonly masterPasswordHash: string
}

/** Where credentials came from. */
export interface CredentialsRequest {
  /** URL of the server for the link in a confirmation email. */
  readonly baseUrl: () => string
  /** IP address of the client; null if unknown. */
  readonly address: string | null
  readonly bounds?: RequestBounds
}

/** The account of right credentials. */
export interface CheckedAccount {
  readonly user: User
  /** What replaces the password hash of the account, which is a legacy one; null if it is not. */
  readonly replacement: PasswordHash | null
  /** The devices of the account in the network from which the credentials came. */
  readonly devices: readonly Device[]
}

/** The one way to check credentials: everything that takes them is a guess, and counts as one. */
export interface CredentialCheck {
  /**
   * Returns the account of credentials. Throws `unauthenticated` for wrong credentials, after the same work for known and unknown emails;
   * `rate_limited` after too many wrong ones, as late as for any other account; `unavailable` if too many checks wait or the deadline passes; `forbidden` for right credentials of an
   * account that is disabled or unconfirmed. An unconfirmed account is sent another confirmation email.
   */
  check(credentials: Credentials, request: CredentialsRequest): Promise<CheckedAccount>
}

export function createCredentialCheck(deps: {
  store: Store
  hasher: PasswordHasher
  confirmation: ConfirmationPolicy
  throttle: LoginThrottle
  loginEvents: LoginEventBuffer
  wrongCredentials: WrongCredentials
  monotonicClock: MonotonicClock
  wait: Wait
  clockWatch: Pick<ClockWatch, 'ageLimit'>
}): CredentialCheck {
  const { emailQueue, isRequired } = deps.confirmation
  const { loginEvents } = deps
  const refusals = createRefusalDelay(deps)

  async function queueConfirmationEmail(
    user: User,
    { baseUrl, bounds }: CredentialsRequest,
  ): Promise<void> {
    if (emailQueue === null) return
    try {
      await deps.store.write((tx) => emailQueue.queueConfirmation(tx, user, baseUrl), bounds)
    } catch (error) {
      // The database accepts no writes now. The next attempt queues the email again.
      if (!(error instanceof DomainError)) throw error
    }
    emailQueue.wake()
  }

  /** Checks credentials of `user`, null for an unknown account. Throws as `LoginThrottle.check`. */
  async function verify(attempt: {
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

  return {
    async check(credentials, request) {
      const { address, bounds } = request
      const email = normalizeEmail(credentials.email)
      const network = networkOf(address)
      const { found, user, devices, includeLegacy } = await deps.store.read(async (tx) => {
        const found = isStorable(email) ? await tx.users.findByEmail(email) : null
        // One that its owner has deleted is as good as unknown.
        const user = found?.deletionTime === null ? found : null
        // For unknown accounts too, so that known ones don't take longer.
        const [devices, includeLegacy] = await Promise.all([
          tx.devices.listInNetwork(user?.id ?? '', network),
          tx.users.hasLegacyPasswordHashes(),
        ])
        return { found, user, devices, includeLegacy }
      }, bounds)
      const limit = deps.clockWatch.ageLimit(knownNetworkLifetime)
      const isKnown = devices.some(({ lastTime }) => !isOlder(lastTime, limit))

      const loginEvent = (kind: LoginEventKind) => ({ kind, user: found, address })
      const { isRight, replacement } = await verify({
        ...{ user, includeLegacy, isKnown, address, bounds },
        credentials: { email, masterPasswordHash: credentials.masterPasswordHash },
      }).catch((error: unknown) => {
        if (isRateLimited(error)) loginEvents.record(loginEvent('login-limited'))
        throw error
      })
      if (user === null || !isRight) {
        loginEvents.record(loginEvent('login-failed'))
        throw wrongCredentials()
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
      return { user, replacement, devices }
    },
  }
}

/** Returns the error for wrong credentials. Its message is part of the wire contract. */
export function wrongCredentials(): DomainError {
  return new DomainError('unauthenticated', 'Incorrect credentials')
}

function isRateLimited(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'rate_limited'
}
