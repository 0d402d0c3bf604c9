import { byUser } from './audit'
import { normalizeEmail } from './email'
import type { Confirmation } from './email-confirmation'
import { DomainError } from './errors'
import type { Quota } from './quota'
import { encodeEpoch } from './sessions'
import { requireSignUpAllowed, type SignUpPolicy } from './sign-up-policy'
import type { Store, WriteScope } from './store'
import type { User } from './user'
import type { VerifierHasher } from './verifier'
import type { Clock, Random } from './world'

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
  hasher: VerifierHasher
  random: Random
  clock: Clock
  confirmation: Confirmation
  signUps: SignUpPolicy
  quota: Quota
}): Users {
  const { store, confirmation, signUps } = deps
  return {
    async signUp(signUp, { baseUrl, address }) {
      const email = normalizeEmail(signUp.email)
      deps.quota.require(address)
      // Refused ones as well: they tell who has an account, and who is invited.
      deps.quota.count(address)
      // Whoever may not is told before the server has worked for it.
      await store.read((scope) => requireSignUpAllowed(signUps, scope.invitations, email))
      // Hashing takes a tenth of a second, so it stays outside the write scope.
      const verifier = await deps.hasher.make(signUp.masterPasswordHash)
      const user: User = {
        id: signUp.id,
        email,
        verifier,
        hint: signUp.hint === '' ? null : signUp.hint,
        emailConfirmed: !confirmation.isRequired,
        sessionEpoch: encodeEpoch(deps.random),
        creationTime: deps.clock(),
        isDisabled: false,
        loginTime: null,
      }
      await store.write(async (scope) => {
        // Of two at once, the second is told that the account is there, not that its invitation is gone.
        await insertUser(scope, user)
        await requireSignUpAllowed(signUps, scope.invitations, email)
        await scope.invitations.delete(email)
        await confirmation.letters?.confirm(scope, user, baseUrl)
        scope.audit.record(byUser(user.creationTime, 'sign-up', user, address))
      })
      confirmation.letters?.wake()
    },
  }
}

/** Throws `conflict` when the id or the email is taken. */
export async function insertUser(scope: WriteScope, user: User): Promise<void> {
  if (await scope.users.insert(user)) return
  // Engines differ in which index they report, so look which row is there.
  throw (await scope.users.findById(user.id)) === null
    ? new DomainError('conflict', 'User with this email already exists')
    : new DomainError('conflict', `User with id ${user.id} already exists`)
}
