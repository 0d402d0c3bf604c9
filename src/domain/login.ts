import { normalizeEmail } from './email'
import type { Confirmation } from './email-confirmation'
import { DomainError } from './errors'
import type { Sessions } from './sessions'
import type { Store } from './store'
import { isStorable } from './text'
import type { User } from './user'
import type { Verifier, VerifierHasher } from './verifier'

export interface Credentials {
  readonly email: string
  readonly masterPasswordHash: string
}

export interface Login {
  /**
   * Opens a session. Throws `unauthenticated` for wrong credentials, after the same work whether the email
   * is known or not, `forbidden` for right ones of an account whose email isn't confirmed, and
   * `unavailable` when too many wait. `signal` is aborted when the client is gone. An account that is not confirmed
   * gets another letter, which leads to `baseUrl`.
   */
  login(
    credentials: Credentials,
    request: { baseUrl: () => string; signal?: AbortSignal },
  ): Promise<{ user: User; token: string }>
}

export function createLogin(deps: {
  store: Store
  hasher: VerifierHasher
  sessions: Sessions
  confirmation: Confirmation
}): Login {
  const { letters, isRequired } = deps.confirmation

  /** A database that takes no writes at present changes nothing of the answer: the next login asks again. */
  async function sendLetter(user: User, baseUrl: () => string): Promise<void> {
    if (letters === null) return
    try {
      await deps.store.write((scope) => letters.confirm(scope, user, baseUrl))
      letters.wake()
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
    }
  }

  /** A database that takes no writes at present keeps nobody out: the next login tries again. */
  async function replaceVerifier(user: User, to: Verifier): Promise<void> {
    try {
      await deps.store.write((scope) =>
        scope.users.replaceVerifier(user.id, { from: user.verifier, to }),
      )
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
    }
  }

  return {
    async login(credentials, { baseUrl, signal }) {
      const email = normalizeEmail(credentials.email)
      const { user, legacyToo } = await deps.store.read(async (scope) => ({
        user: isStorable(email) ? await scope.users.findByEmail(email) : null,
        legacyToo: await scope.users.hasLegacyVerifiers(),
      }))

      const verdict = await deps.hasher.check({
        masterPasswordHash: credentials.masterPasswordHash,
        email,
        verifier: user?.verifier ?? null,
        legacyToo,
        signal,
      })
      if (user === null || !verdict.matches) {
        throw new DomainError('unauthenticated', 'Incorrect credentials')
      }

      const { replacement } = verdict
      if (replacement !== null) await replaceVerifier(user, replacement)
      if (isRequired && !user.emailConfirmed) {
        await sendLetter(user, baseUrl)
        throw new DomainError(
          'forbidden',
          "Email isn't confirmed. Resending email confirmation letter...",
        )
      }
      return { user, token: await deps.sessions.open(user) }
    },
  }
}
