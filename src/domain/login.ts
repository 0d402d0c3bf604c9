import { networkOf } from './address'
import type { AuditEvent } from './audit'
import { normalizeEmail } from './email'
import type { Confirmation } from './email-confirmation'
import { DomainError } from './errors'
import type { Guesses } from './guessing'
import { knownFor, knownGrain, mostKnownAddresses } from './known-addresses'
import type { LoginKind, LoginTrail } from './login-trail'
import type { Sessions } from './sessions'
import type { Store, WriteScope } from './store'
import { isStorable } from './text'
import type { User } from './user'
import type { Verifier, VerifierHasher } from './verifier'
import type { Clock } from './world'

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
interface Whereabouts {
  readonly network: string
  /** When that was done from there before; null for never. */
  readonly knownSince: number | null
}

/** How exactly it is known when somebody signed in, in milliseconds: clients that sign in in bursts cost one write. */
const loginGrain = 60_000

export function createLogin(deps: {
  store: Store
  hasher: VerifierHasher
  sessions: Sessions
  confirmation: Confirmation
  guesses: Guesses
  trail: LoginTrail
  clock: Clock
}): Login {
  const { letters, isRequired } = deps.confirmation
  const { trail } = deps

  /** A database that takes no writes at present keeps nobody out and changes no answer: the next login tries again. */
  async function writeIfPossible(work: (scope: WriteScope) => Promise<void>): Promise<boolean> {
    try {
      await deps.store.write(work)
      return true
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return false
    }
  }

  async function sendLetter(user: User, baseUrl: () => string): Promise<void> {
    if (letters === null) return
    await writeIfPossible((scope) => letters.confirm(scope, user, baseUrl))
    letters.wake()
  }

  /** Notes that somebody signed in, and from where, and replaces a verifier of the original's kind, in one commit or none. */
  async function record(
    user: User,
    replacement: Verifier | null,
    { network, knownSince }: Whereabouts,
    event: AuditEvent | null,
  ): Promise<void> {
    const now = deps.clock()
    // A clock that was set back must not keep a time of the future for good.
    const isKnown = user.loginTime !== null && Math.abs(now - user.loginTime) < loginGrain
    const isRemembered = knownSince !== null && Math.abs(now - knownSince) < knownGrain
    // The trail alone is worth no commit that somebody waits for.
    const later = event === null ? [] : [event]
    if (isKnown && isRemembered && replacement === null) return trail.putBack(later)
    const isWritten = await writeIfPossible(async (scope) => {
      if (replacement !== null) {
        await scope.users.replaceVerifier(user.id, { from: user.verifier, to: replacement })
      }
      await scope.users.recordLogin(user.id, now)
      await scope.knownAddresses.remember(user.id, network, {
        time: now,
        most: mostKnownAddresses,
      })
      if (event !== null) scope.audit.record(event)
    })
    if (!isWritten) trail.putBack(later)
  }

  return {
    async login(credentials, { baseUrl, address, signal }) {
      const email = normalizeEmail(credentials.email)
      const network = networkOf(address)
      const { user, knownSince, legacyToo } = await deps.store.read(async (scope) => {
        const found = isStorable(email) ? await scope.users.findByEmail(email) : null
        return {
          user: found,
          // Asked for nobody, too: an account that is there must not take longer.
          knownSince: await scope.knownAddresses.find(found?.id ?? '', network),
          legacyToo: await scope.users.hasLegacyVerifiers(),
        }
      })
      const isKnown = knownSince !== null && deps.clock() - knownSince < knownFor

      const note = (kind: LoginKind) => ({ kind, user, address })
      const { masterPasswordHash } = credentials
      let replacement: Verifier | null = null
      const check = async (admit: () => void) => {
        const verifier = user?.verifier ?? null
        const verdict = await deps.hasher.check({
          masterPasswordHash,
          email,
          verifier,
          legacyToo,
          signal,
          // The owner's own devices do not wait behind a crowd of strangers.
          isPreferred: isKnown,
          admit,
        })
        replacement = verdict.replacement
        return user !== null && verdict.matches
      }
      const isRight = await deps.guesses
        .check({ email, masterPasswordHash, address, isKnown }, check)
        .catch((error: unknown) => {
          if (isLimit(error)) trail.note(note('login-limited'))
          throw error
        })
      if (user === null || !isRight) {
        trail.note(note('login-failed'))
        throw new DomainError('unauthenticated', 'Incorrect credentials')
      }

      if (user.isDisabled) {
        trail.note(note('login-refused'))
        throw new DomainError('forbidden', 'The account is disabled; ask whoever runs this server')
      }
      if (isRequired && !user.emailConfirmed) {
        trail.note(note('login-refused'))
        await sendLetter(user, baseUrl)
        throw new DomainError(
          'forbidden',
          "Email isn't confirmed. Resending email confirmation letter...",
        )
      }
      await record(user, replacement, { network, knownSince }, trail.first(note('login')))
      return { user, token: await deps.sessions.open(user) }
    },
  }
}

function isLimit(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'rate_limited'
}
