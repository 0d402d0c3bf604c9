import { userEvent } from './audit'
import { normalizeEmail } from './email'
import type { ConfirmationPolicy } from './email-confirmation'
import { DomainError } from './errors'
import type { PasswordHasher } from './password-hash'
import type { RateLimiter } from './rate-limiter'
import type { Clock, Random } from './runtime'
import { newSessionEpoch } from './sessions'
import { requireSignUpAllowed, type SignUpPolicy } from './sign-up-policy'
import type { Store, WriteTransaction } from './store'
import type { User } from './user'

/** What a client sends to make an account; the shapes were checked at the door. */
export interface SignUp {
  readonly id: string
  readonly email: string
  readonly masterPasswordHash: string
  readonly hint: string | null
}

/** What is known of how a sign-up came. */
export interface SignUpRequest {
  /** Where the link of a letter leads. */
  readonly baseUrl: () => string
  /** Who is asking; null where nobody can tell. */
  readonly address: string | null
}

export interface Users {
  /**
   * Makes an account and, where emails are to be confirmed, the letter that asks for it, both or neither. Throws
   * `forbidden` for who may not sign up, `rate_limited` after too many of one network, and `conflict` when the id or the
   * email is taken; a taken id is named first.
   */
  signUp(signUp: SignUp, request: SignUpRequest): Promise<void>
}

export function createUsers(deps: {
  store: Store
  hasher: PasswordHasher
  random: Random
  clock: Clock
  confirmation: ConfirmationPolicy
  signUps: SignUpPolicy
  rateLimiter: RateLimiter
}): Users {
  const { store, confirmation, signUps } = deps
  return {
    async signUp(signUp, { baseUrl, address }) {
      const email = normalizeEmail(signUp.email)
      deps.rateLimiter.requireAllowed(address)
      // Refused ones as well: they tell who has an account, and who is invited.
      deps.rateLimiter.count(address)
      // Whoever may not is told before the server has worked for it.
      await store.read((tx) => requireSignUpAllowed(signUps, tx.invitations, email))
      // Hashing takes a tenth of a second, so it stays outside the write scope.
      const passwordHash = await deps.hasher.hash(signUp.masterPasswordHash)
      const user: User = {
        id: signUp.id,
        email,
        passwordHash,
        hint: signUp.hint === '' ? null : signUp.hint,
        emailConfirmed: !confirmation.isRequired,
        sessionEpoch: newSessionEpoch(deps.random),
        creationTime: deps.clock(),
        isDisabled: false,
        loginTime: null,
      }
      await store.write(async (tx) => {
        // Of two at once, the second is told that the account is there, not that its invitation is gone.
        await insertUser(tx, user)
        await requireSignUpAllowed(signUps, tx.invitations, email)
        await tx.invitations.delete(email)
        await confirmation.emailQueue?.queueConfirmation(tx, user, baseUrl)
        tx.audit.record(userEvent(user.creationTime, 'sign-up', user, address))
      })
      confirmation.emailQueue?.wake()
    },
  }
}

/** Throws `conflict` when the id or the email is taken. */
export async function insertUser(tx: WriteTransaction, user: User): Promise<void> {
  if (await tx.users.insert(user)) return
  // Engines differ in which index they report, so look which row is there.
  throw (await tx.users.findById(user.id)) === null
    ? new DomainError('conflict', 'User with this email already exists')
    : new DomainError('conflict', `User with id ${user.id} already exists`)
}
