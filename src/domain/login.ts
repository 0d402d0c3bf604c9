import { networkOf } from './address'
import type { AuditEvent } from './audit'
import { normalizeEmail } from './email'
import type { ConfirmationPolicy } from './email-confirmation'
import { DomainError } from './errors'
import { knownAddressLifetime, knownAddressPrecision, maxKnownAddresses } from './known-addresses'
import type { LoginEventBuffer, LoginEventKind } from './login-events'
import type { LoginThrottle } from './login-throttle'
import type { PasswordHash, PasswordHasher } from './password-hash'
import type { Clock } from './runtime'
import type { Sessions } from './sessions'
import type { Store, WriteTransaction } from './store'
import { isStorable } from './text'
import type { User } from './user'

export interface Credentials {
  readonly email: string
  readonly masterPasswordHash: string
}

/** What is known of how credentials came. */
export interface LoginRequest {
  /** Where the link of a letter leads. */
  readonly baseUrl: () => string
  /** Who is asking; null where nobody can tell. */
  readonly address: string | null
  /** Aborted when the client is gone. */
  readonly signal?: AbortSignal
}

export interface Login {
  /**
   * Opens a session. Throws `unauthenticated` for wrong credentials, after the same work whether the email is known or
   * not, `rate_limited` after too many of them, `forbidden` for right ones of an account that is disabled or whose email
   * isn't confirmed, and `unavailable` when too many wait. An account that is not confirmed gets another letter.
   */
  login(credentials: Credentials, request: LoginRequest): Promise<{ user: User; token: string }>
}

/** From where somebody has signed in. */
interface LoginOrigin {
  readonly network: string
  /** When that was done from there before; null for never. */
  readonly lastLoginTime: number | null
}

/** How exactly it is known when somebody signed in, in milliseconds: clients that sign in in bursts cost one write. */
const loginTimePrecision = 60_000

export function createLogin(deps: {
  store: Store
  hasher: PasswordHasher
  sessions: Sessions
  confirmation: ConfirmationPolicy
  throttle: LoginThrottle
  loginEvents: LoginEventBuffer
  clock: Clock
}): Login {
  const { emailQueue, isRequired } = deps.confirmation
  const { loginEvents } = deps

  /** A database that takes no writes at present keeps nobody out and changes no answer: the next login tries again. */
  async function writeIfPossible(work: (tx: WriteTransaction) => Promise<void>): Promise<boolean> {
    try {
      await deps.store.write(work)
      return true
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return false
    }
  }

  async function queueConfirmationEmail(user: User, baseUrl: () => string): Promise<void> {
    if (emailQueue === null) return
    await writeIfPossible((tx) => emailQueue.queueConfirmation(tx, user, baseUrl))
    emailQueue.wake()
  }

  /** Notes that somebody signed in, and from where, and replaces a verifier of the original's kind, in one commit or none. */
  async function recordLogin(
    user: User,
    replacement: PasswordHash | null,
    { network, lastLoginTime }: LoginOrigin,
    event: AuditEvent | null,
  ): Promise<void> {
    const now = deps.clock()
    // A clock that was set back must not keep a time of the future for good.
    const isKnown = user.loginTime !== null && Math.abs(now - user.loginTime) < loginTimePrecision
    const isRemembered =
      lastLoginTime !== null && Math.abs(now - lastLoginTime) < knownAddressPrecision
    // The trail alone is worth no commit that somebody waits for.
    const later = event === null ? [] : [event]
    if (isKnown && isRemembered && replacement === null) return loginEvents.requeue(later)
    const isWritten = await writeIfPossible(async (tx) => {
      if (replacement !== null) {
        await tx.users.replacePasswordHash(user.id, { from: user.passwordHash, to: replacement })
      }
      await tx.users.recordLogin(user.id, now)
      await tx.knownAddresses.remember(user.id, network, {
        time: now,
        max: maxKnownAddresses,
      })
      if (event !== null) tx.audit.record(event)
    })
    if (!isWritten) loginEvents.requeue(later)
  }

  return {
    async login(credentials, { baseUrl, address, signal }) {
      const email = normalizeEmail(credentials.email)
      const network = networkOf(address)
      const { user, lastLoginTime, includeLegacy } = await deps.store.read(async (tx) => {
        const found = isStorable(email) ? await tx.users.findByEmail(email) : null
        return {
          user: found,
          // Asked for nobody, too: an account that is there must not take longer.
          lastLoginTime: await tx.knownAddresses.findLastLoginTime(found?.id ?? '', network),
          includeLegacy: await tx.users.hasLegacyPasswordHashes(),
        }
      })
      const isKnown = lastLoginTime !== null && deps.clock() - lastLoginTime < knownAddressLifetime

      const loginEvent = (kind: LoginEventKind) => ({ kind, user, address })
      const { masterPasswordHash } = credentials
      let replacement: PasswordHash | null = null
      const check = async (checkLimit: () => void) => {
        const passwordHash = user?.passwordHash ?? null
        const verdict = await deps.hasher.verify({
          masterPasswordHash,
          email,
          passwordHash,
          includeLegacy,
          signal,
          // The owner's own devices do not wait behind a crowd of strangers.
          isPreferred: isKnown,
          beforeStart: checkLimit,
        })
        replacement = verdict.replacement
        return user !== null && verdict.matches
      }
      const isRight = await deps.throttle
        .check({ email, masterPasswordHash, address, isKnown }, check)
        .catch((error: unknown) => {
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
        await queueConfirmationEmail(user, baseUrl)
        throw new DomainError(
          'forbidden',
          "Email isn't confirmed. Resending email confirmation letter...",
        )
      }
      await recordLogin(
        user,
        replacement,
        { network, lastLoginTime },
        loginEvents.coalesce(loginEvent('login')),
      )
      return { user, token: await deps.sessions.open(user) }
    },
  }
}

function isRateLimited(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'rate_limited'
}
