import { serverEvent, userEvent } from './audit'
import type { ClockWatch } from './clock-watch'
import { normalizeEmail } from './email'
import type { ConfirmationPolicy } from './email-confirmation'
import { DomainError } from './errors'
import type { AgeLimit } from './known-time'
import { confirmationEmailInterval } from './outbox'
import { hashOriginOf, type PasswordHasher } from './password-hash'
import type { RateLimiter } from './rate-limiter'
import { type RequestBounds, withDeadline } from './request-bounds'
import type { Clock, MonotonicClock, Random, Wait } from './runtime'
import { newSessionEpoch } from './sessions'
import { requireSignUpAllowed, type SignUpPolicy } from './sign-up-policy'
import type { Store, WriteTransaction } from './store'
import { storedHint, type User } from './user'

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
  clockWatch: Pick<ClockWatch, 'ageLimit'>
  /** How long the link in a confirmation email is valid, in milliseconds. */
  linkLifetime: number
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
      const hashing = deps.hasher.hash(signUp.masterPasswordHash, {
        bounds,
        origin: hashOriginOf(address),
      })
      const passwordHash = await withDeadline(deps, bounds, hashing)
      const user: User = {
        id: signUp.id,
        email,
        passwordHash,
        hint: storedHint(signUp.hint),
        emailConfirmed: !confirmation.isRequired,
        sessionEpoch: newSessionEpoch(deps.random),
        creationTime: deps.clock(),
        isDisabled: false,
        loginTime: null,
        deletionTime: null,
      }
      // Its link must have expired, and the last email to the address must not be too recent for another one.
      const timeout = Math.max(deps.linkLifetime, confirmationEmailInterval)
      await store.write(async (tx) => {
        // Another account with this id is a conflict, whatever state it is in.
        if ((await tx.users.findById(user.id)) === null)
          await deleteAbandoned(tx, email, deps.clockWatch.ageLimit(timeout))
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

/** Throws `conflict` if the id or the mailbox is taken. The messages are part of the wire contract. */
export async function insertUser(tx: WriteTransaction, user: User): Promise<void> {
  // The insertion is refused only by accounts that have no twin, and by simultaneous ones.
  const isFree = (await tx.users.findByMailbox(user.email)) === null
  if (isFree && (await tx.users.insert(user))) return
  // Engines differ in which unique index they report, so look for the row.
  throw (await tx.users.findById(user.id)) === null
    ? new DomainError('conflict', 'User with this email already exists')
    : new DomainError('conflict', `User with id ${user.id} already exists`)
}

/**
 * Deletes the accounts of a mailbox that nobody has made use of in time, so that a sign-up with the address of somebody else does
 * not keep its owner out. Nothing that holds data is deleted, and nothing while the clock is implausible.
 */
async function deleteAbandoned(
  tx: WriteTransaction,
  email: string,
  limit: AgeLimit | null,
): Promise<void> {
  const count = limit === null ? 0 : await tx.users.deleteAbandoned(email, limit.before)
  if (limit !== null && count > 0)
    tx.audit.record(serverEvent(limit.now, 'users-expired', { count }))
}
