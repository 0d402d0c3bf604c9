import { normalizeEmail } from './email'
import type { Confirmation } from './email-confirmation'
import { DomainError } from './errors'
import { encodeEpoch } from './sessions'
import type { Store } from './store'
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

export interface Users {
  /**
   * Makes an account and, where emails are to be confirmed, the letter that asks for it, which leads to
   * `baseUrl`: both or neither. Throws `conflict` when the id or the email is taken; a taken id is named first.
   */
  signUp(signUp: SignUp, baseUrl: () => string): Promise<void>
}

export function createUsers(deps: {
  store: Store
  hasher: VerifierHasher
  random: Random
  clock: Clock
  confirmation: Confirmation
}): Users {
  const { confirmation } = deps
  return {
    async signUp(signUp, baseUrl) {
      // Hashing takes a tenth of a second, so it stays outside the write scope.
      const verifier = await deps.hasher.make(signUp.masterPasswordHash)
      const user: User = {
        id: signUp.id,
        email: normalizeEmail(signUp.email),
        verifier,
        hint: signUp.hint === '' ? null : signUp.hint,
        emailConfirmed: !confirmation.isRequired,
        sessionEpoch: encodeEpoch(deps.random),
        creationTime: deps.clock(),
      }
      await deps.store.write(async (scope) => {
        if (await scope.users.insert(user)) {
          await confirmation.letters?.confirm(scope, user, baseUrl)
          return
        }
        // Engines differ in which index they report, so look which row is there.
        throw (await scope.users.findById(user.id)) === null
          ? new DomainError('conflict', 'User with this email already exists')
          : new DomainError('conflict', `User with id ${user.id} already exists`)
      })
      confirmation.letters?.wake()
    },
  }
}
