import { userEvent } from './audit'
import { normalizeEmail } from './email'
import type { ConfirmationPolicy } from './email-confirmation'
import { DomainError } from './errors'
import type { PasswordHasher } from './password-hash'
import type { RateLimiter } from './rate-limiter'
import { type RequestBounds, withDeadline } from './request-bounds'
import type { Clock, MonotonicClock, Random, Wait } from './runtime'
import { newSessionEpoch } from './sessions'
import { requireSignUpAllowed, type SignUpPolicy } from './sign-up-policy'
import type { Store, WriteTransaction } from './store'
import type { User } from './user'

/** What a client sends to create an account. The caller has checked its shape. */
export interface SignUp {
  readonly id: string
  readonly email: string
  readonly masterPasswordHash: string
  readonly hint: string | null
}

/** Where a sign-up came from. */
export interface SignUpRequest {
  /** URL of the server for the link in the confirmation email. */
  readonly baseUrl: () => string
  /** IP address of the client; null if unknown. */
  readonly address: string | null
  readonly bounds?: RequestBounds
}

export interface Users {
  /**
   * Creates an account and, if emails must be confirmed, queues the confirmation email, in one transaction. Throws
   * `rate_limited` after too many sign-ups from one network, `forbidden` if the email address may not sign up, `unavailable`
   * if too many hashes are queued or the deadline passes, `conflict` if the id or the email is taken (a taken id is reported first).
   */
  signUp(signUp: SignUp, request: SignUpRequest): Promise<void>
}

export function createUsers(deps: {
  store: Store
  hasher: PasswordHasher
  random: Random
  clock: Clock
  monotonicClock: MonotonicClock
  wait: Wait
  confirmation: ConfirmationPolicy
  signUps: SignUpPolicy
  rateLimiter: RateLimiter
}): Users {
  const { store, confirmation, signUps } = deps
  return {
    async signUp(signUp, { baseUrl, address, bounds }) {
      const email = normalizeEmail(signUp.email)
      deps.rateLimiter.requireAllowed(address)
      // Failed sign-ups count too: they reveal who has an account, and who is invited.
      deps.rateLimiter.count(address)
      // Checked before the slow hash as well.
      await store.read((tx) => requireSignUpAllowed(signUps, tx.invitations, email), bounds)
      // Hashing takes a tenth of a second, so it stays outside the write transaction.
      const hashing = deps.hasher.hash(signUp.masterPasswordHash, { bounds })
      const passwordHash = await withDeadline(deps, bounds, hashing)
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
        // First, so that the second of two equal sign-ups gets `conflict`, not that it is not invited.
        await insertUser(tx, user)
        await requireSignUpAllowed(signUps, tx.invitations, email)
        await tx.invitations.delete(email)
        await confirmation.emailQueue?.queueConfirmation(tx, user, baseUrl)
        tx.audit.record(userEvent({ time: user.creationTime, kind: 'sign-up', user, address }))
      }, bounds)
      confirmation.emailQueue?.wake()
    },
  }
}

/** Throws `conflict` if the id or the email is taken. The messages are part of the wire contract. */
export async function insertUser(tx: WriteTransaction, user: User): Promise<void> {
  if (await tx.users.insert(user)) return
  // Engines differ in which unique index they report, so look for the row.
  throw (await tx.users.findById(user.id)) === null
    ? new DomainError('conflict', 'User with this email already exists')
    : new DomainError('conflict', `User with id ${user.id} already exists`)
}
