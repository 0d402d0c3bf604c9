import type { Settings } from '../config/settings'
import { normalizeEmail } from '../domain/email'
import { DomainError } from '../domain/errors'
import type { ReadScope } from '../domain/store'
import type { User } from '../domain/user'
import { placesOf } from './database'
import type { World } from './world'

/**
 * Confirms the email of an account that an operator names by its email or its id; false when it was confirmed before.
 * Works beside a server. Throws `not_found`.
 */
export function confirmUser(settings: Settings, world: World, name: string): Promise<boolean> {
  const { database } = placesOf(settings, world)
  return database.beside((store) =>
    store.write(async (scope) => {
      const user = await requireUser(scope, name)
      return await scope.users.confirmEmail(user.id, user.email)
    }),
  )
}

async function requireUser(scope: ReadScope, name: string): Promise<User> {
  const user =
    (await scope.users.findByEmail(normalizeEmail(name))) ?? (await scope.users.findById(name))
  if (user !== null) return user
  throw new DomainError('not_found', `there is no account ${name}`, {
    hint: 'name it by its email or its id',
  })
}
