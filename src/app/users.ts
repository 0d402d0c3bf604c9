import type { Settings } from '../config/settings'
import { hashMasterPassword } from '../crypto/master-password'
import { createVerifierHasher } from '../crypto/verifiers'
import { createManagedUsers, type ManagedUsers } from '../domain/managed-users'
import { createLetters } from '../domain/outbox'
import type { SignUpPolicy } from '../domain/sign-up-policy'
import type { UserSummary } from '../domain/user'
import { takeSafetyArchive } from './archives'
import { placesOf } from './database'
import { likelyAddress } from './own-hosts'
import { sealFor } from './secret-key'
import type { World } from './world'

export function signUpPolicyOf({ signUps, signUpDomains }: Settings): SignUpPolicy {
  return { mode: signUps, domains: signUpDomains }
}

/** Lends the rules for accounts to a command, beside the servers that run. Throws a DomainError. */
export function withUsers<T>(
  settings: Settings,
  world: World,
  work: (users: ManagedUsers, requireKey: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { database, folder } = placesOf(settings, world)
  return database.beside((store) => {
    store.signBy((fingerprint) => sealFor(settings, folder, fingerprint))
    return work(
      createManagedUsers({
        store,
        hasher: createVerifierHasher(world.random),
        signUps: signUpPolicyOf(settings),
        ...world,
      }),
      // For work that would be in vain without a key.
      async () => void sealFor(settings, folder, await store.findKeyFingerprint()),
    )
  })
}

/**
 * Makes a confirmed account. The master password is asked for once it is known that there can be one, and hashed as the
 * clients do. Answers the account's id. Throws a DomainError.
 */
export function addUser(
  settings: Settings,
  world: World,
  email: string,
  askMasterPassword: (salt: string) => Promise<string>,
): Promise<string> {
  return withUsers(settings, world, async (users, requireKey) => {
    await requireKey()
    const salt = await users.requireFreeEmail(email)
    const masterPasswordHash = await hashMasterPassword(await askMasterPassword(salt), salt)
    return await users.add({ email, masterPasswordHash })
  })
}

/**
 * Deletes an account with its whole vault, after an archive of everything, whose path it answers. `consent` is shown what goes,
 * and throws when it is not given. Works beside servers. Throws a DomainError.
 */
export function deleteUser(
  settings: Settings,
  world: World,
  name: string,
  consent: (user: UserSummary) => Promise<void>,
): Promise<string> {
  return withUsers(settings, world, async (users, requireKey) => {
    const user = await users.require(name)
    await requireKey()
    await consent(user)
    const archive = await takeSafetyArchive(settings, world, 'delete')
    await users.delete(user.id)
    return archive
  })
}

/** What became of an invitation, and what whoever is invited must know. */
export interface InvitationReport {
  /** Lower-cased, as it must be used to sign up. */
  readonly email: string
  readonly isNew: boolean
  /** Where the server is reached. */
  readonly address: string
  /** Whether a letter says so; else it is up to the operator. */
  readonly isMailed: boolean
}

/** Lets an address sign up where not everybody may, and has it told so where mail is set up. Throws a DomainError. */
export function inviteUser(
  settings: Settings,
  world: World,
  email: string,
): Promise<InvitationReport> {
  const address = likelyAddress(settings)
  const isMailed = settings.mail !== null
  // A running server takes the letter up by itself.
  const letters = isMailed ? createLetters({ ...world, wake: () => {} }) : null
  return withUsers(settings, world, async (users) => ({
    ...(await users.invite(email, letters && { letters, baseUrl: () => address })),
    address,
    isMailed,
  }))
}
