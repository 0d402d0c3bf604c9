import { hashMasterPassword } from '../../crypto/master-password'
import { createDerive, createPasswordHasher } from '../../crypto/password-hash'
import { createManagedHistory, type ManagedHistory } from '../../domain/managed-history'
import { createManagedUsers, type ManagedUsers } from '../../domain/managed-users'
import { createEmailQueue } from '../../domain/outbox'
import type { UserDetails } from '../../domain/user'
import { createVaultQuota } from '../../domain/vault-quota'
import { historyPolicyOf } from '../history-policy'
import { likelyBaseUrl } from '../local-addresses'
import { currentEndpoints } from '../running-server'
import { auditSignerFor } from '../secret-key'
import { signUpPolicyOf } from '../sign-up-policy'
import type { Targets } from '../targets'
import { backUpBefore } from './backup'

/**
 * Runs work with the rules for accounts, while servers run. `requireKey` throws `unavailable` without the key that signs
 * the audit log: work that asks the operator calls it first, because its writes would fail. Throws a DomainError.
 */
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
        hasher: createPasswordHasher({ ...runtime, derive: createDerive(1, runtime) }),
        signUps: signUpPolicyOf(settings),
        ...runtime,
      }),
      async () => void auditSignerFor(targets, await store.findKeyFingerprint()),
    )
  })
}

/** Runs work with the rules for the history of accounts, while servers run. Throws a DomainError. */
export function withHistory<T>(
  targets: Targets,
  work: (history: ManagedHistory) => Promise<T>,
): Promise<T> {
  const { settings, runtime, database } = targets
  return database.withShared((store) => {
    store.setAuditSigner((fingerprint) => auditSignerFor(targets, fingerprint))
    const quota = createVaultQuota(settings.maxVault)
    const history = historyPolicyOf(settings)
    return work(createManagedHistory({ ...runtime, store, quota, history }))
  })
}

/**
 * Creates a confirmed account and returns its id. `askMasterPassword` is called once nothing else stands in the way, with
 * the email in lower case: the clients use it as the salt. Throws a DomainError.
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
 * Deletes an account with its vault after a backup of everything, while servers run. Returns the path of the backup.
 * `consent` is called with what is to be deleted, and throws to refuse. Throws a DomainError.
 */
export function deleteUser(
  targets: Targets,
  name: string,
  consent: (user: UserDetails) => Promise<void>,
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

/** The result of an invitation, and what the invited person has to know. */
export interface InvitationReport {
  /** In lower case, as it has to be used to sign up. */
  readonly email: string
  /** False if the address was invited before. */
  readonly isNew: boolean
  /** URL of the server. */
  readonly serverUrl: string
  /** Whether an email tells the invited person. If not, the operator has to. */
  readonly isMailed: boolean
}

/** Invites an email address to sign up, by email if mail is configured. Throws a DomainError. */
export function inviteUser(targets: Targets, email: string): Promise<InvitationReport> {
  const { settings, runtime } = targets
  const serverUrl = likelyBaseUrl(settings.publicUrl, currentEndpoints(settings))
  const isMailed = settings.mail !== null
  // Nothing to wake here: a running server finds the email in the queue.
  const emailQueue = isMailed ? createEmailQueue({ ...runtime, wake: () => {} }) : null
  return withUsers(targets, async (users) => ({
    ...(await users.invite(email, emailQueue && { emailQueue, baseUrl: () => serverUrl })),
    serverUrl,
    isMailed,
  }))
}
