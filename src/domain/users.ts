import { normalizeEmail } from './email'
import { DomainError } from './errors'
import { encodeEpoch } from './sessions'
import type { Store } from './store'
import type { User } from './user'
import type { VerifierHasher } from './verifier'
import type { Random } from './world'

/** What a client sends to make an account; the shapes were checked at the door. */
export interface SignUp {
  readonly id: string
  readonly email: string
  readonly masterPasswordHash: string
  readonly hint: string | null
}

export interface Users {
  /** Makes an account. Throws `conflict` when the id or the email is taken; a taken id is named first. */
  signUp(signUp: SignUp): Promise<void>
}

export function createUsers(deps: { store: Store; hasher: VerifierHasher; random: Random }): Users {
  return {
    async signUp(signUp) {
      // Hashing takes a tenth of a second, so it stays outside the write scope.
      const verifier = await deps.hasher.make(signUp.masterPasswordHash)
      const user: User = {
        id: signUp.id,
        email: normalizeEmail(signUp.email),
        verifier,
        hint: signUp.hint === '' ? null : signUp.hint,
        emailConfirmed: true,
        sessionEpoch: encodeEpoch(deps.random),
      }
      await deps.store.write(async (scope) => {
        if (await scope.users.insert(user)) return
        // Engines differ in which index they report, so look which row is there.
        throw (await scope.users.findById(user.id)) === null
          ? new DomainError('conflict', 'User with this email already exists')
          : new DomainError('conflict', `User with id ${user.id} already exists`)
      })
    },
  }
}
