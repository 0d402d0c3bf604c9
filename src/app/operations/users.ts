import { hashMasterPassword } from '../../crypto/master-password'
import { createPasswordHasher } from '../../crypto/password-hash'
import { createManagedUsers, type ManagedUsers } from '../../domain/managed-users'
import { createEmailQueue } from '../../domain/outbox'
import type { UserSummary } from '../../domain/user'
import { likelyBaseUrl } from '../local-addresses'
import { auditSignerFor } from '../secret-key'
import { signUpPolicyOf } from '../sign-up-policy'
import type { Targets } from '../targets'
import { backUpBefore } from './backup'

/** Lends the rules for accounts to a command, beside the servers that run. Throws a DomainError. */
export function withUsers<T>(
  targets: Targets,
  work: (users: ManagedUsers, requireKey: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { settings, runtime, database } = targets
  return database.withShared((store) => {
    store.setAuditSigner((fingerprint) => auditSignerFor(targets, fingerprint))
    return work(
      createManagedUsers({
        store,
        hasher: createPasswordHasher(runtime.random),
        signUps: signUpPolicyOf(settings),
        ...runtime,
      }),
      // For work that would be in vain without a key.
      async () => void auditSignerFor(targets, await store.findKeyFingerprint()),
    )
  })
}

/**
 * Makes a confirmed account. The master password is asked for once it is known that there can be one, and hashed as the
 * clients do. Answers the account's id. Throws a DomainError.
 */
export function addUser(
  targets: Targets,
  email: string,
  askMasterPassword: (salt: string) => Promise<string>,
): Promise<string> {
  return withUsers(targets, async (users, requireKey) => {
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
  targets: Targets,
  name: string,
  consent: (user: UserSummary) => Promise<void>,
): Promise<string> {
  return withUsers(targets, async (users, requireKey) => {
    const user = await users.require(name)
    await requireKey()
    await consent(user)
    const backup = await backUpBefore(targets, 'delete')
    await users.delete(user.id)
    return backup
  })
}

/** What became of an invitation, and what whoever is invited must know. */
export interface InvitationReport {
  /** Lower-cased, as it must be used to sign up. */
  readonly email: string
  readonly isNew: boolean
  /** Where the server is reached. */
  readonly serverUrl: string
  /** Whether a letter says so; else it is up to the operator. */
  readonly isMailed: boolean
}

/** Lets an address sign up where not everybody may, and has it told so where mail is set up. Throws a DomainError. */
export function inviteUser(targets: Targets, email: string): Promise<InvitationReport> {
  const { settings, runtime } = targets
  const serverUrl = likelyBaseUrl(settings)
  const isMailed = settings.mail !== null
  // A running server takes the letter up by itself.
  const emailQueue = isMailed ? createEmailQueue({ ...runtime, wake: () => {} }) : null
  return withUsers(targets, async (users) => ({
    ...(await users.invite(email, emailQueue && { emailQueue, baseUrl: () => serverUrl })),
    serverUrl,
    isMailed,
  }))
}
