import { userEvent } from './audit'
import type { CredentialCheck, Credentials, CredentialsRequest } from './credential-check'
import { DomainError } from './errors'
import type { EmailQueue } from './outbox'
import { hashOriginOf, type PasswordHasher } from './password-hash'
import { withDeadline } from './request-bounds'
import type { Clock, MonotonicClock, Random, Wait } from './runtime'
import { newSessionEpoch, type Sessions, sessionEnded } from './sessions'
import type { Store } from './store'
import { storedHint, type User } from './user'
import type { RekeyedVault } from './vault'
import { sizesOf, type VaultQuota } from './vault-quota'
import { vaultStateOf } from './vault-state'

/** What an owner sends with a new master password: the whole vault under the new key. */
export interface MasterPasswordChange {
  readonly masterPasswordHash: string
  readonly hint: string | null
  /** The email address that the new keys were made with; null for the one of the account. */
  readonly email: string | null
  /** The state of the vault that was read and encrypted again. See `vaultStateOf`. */
  readonly state: string
  readonly vault: RekeyedVault
}

/** Where a change came from. */
export interface MasterPasswordRequest extends CredentialsRequest {
  readonly credentials: Credentials
  /** Reads the rest of the request, once the credentials are known to be right. */
  readonly readChange: () => Promise<MasterPasswordChange>
}

/** The vault is not, or no longer, in the state that was encrypted again. Nothing was changed. */
export class StateChangedError extends DomainError {
  /** The present state. */
  readonly state: string

  constructor(state: string) {
    super('outdated', 'The vault was changed meanwhile: read it again, and send it once more')
    this.state = state
  }
}

export interface MasterPassword {
  /**
   * Replaces the master password and the ciphertext of the whole vault, or nothing. Ends all sessions, and returns a new one. Throws
   * as `CredentialCheck.check`; `unavailable` while another change is under way on this server;
   * `StateChangedError`; `invalid` unless the rows are those of the vault; `forbidden` for another email address; `vault_full` if
   * the vault has grown beyond the quota.
   */
  change(request: MasterPasswordRequest): Promise<{ token: string; state: string; user: User }>
}

export function createMasterPassword(deps: {
  store: Store
  credentialCheck: CredentialCheck
  sessions: Pick<Sessions, 'open'>
  hasher: PasswordHasher
  quota: VaultQuota
  /** Null if no emails are sent. */
  emailQueue: EmailQueue | null
  random: Random
  clock: Clock
  monotonicClock: MonotonicClock
  wait: Wait
}): MasterPassword {
  const { store, hasher, sessions, quota, emailQueue, random, clock } = deps
  let isUnderWay = false

  async function replace(user: User, request: MasterPasswordRequest) {
    const { address, bounds } = request
    const { masterPasswordHash, hint, email, state, vault } = await request.readChange()
    requireSameAddress(user, email)
    const hashing = hasher.hash(masterPasswordHash, {
      bounds,
      origin: hashOriginOf(address, user.email),
    })
    const passwordHash = await withDeadline(deps, bounds, hashing)
    const changed: User = {
      ...user,
      ...{ passwordHash, hint: storedHint(hint), sessionEpoch: newSessionEpoch(random) },
    }
    const newState = await store.write(async (tx) => {
      // Nothing is kept: the former ciphertext is under the former key.
      const open = await tx.vaults.open(user, null)
      if (open === null) throw sessionEnded()
      const present = vaultStateOf({ id: user.id, revision: open.revision - 1 })
      if (present !== state) throw new StateChangedError(present)
      const growth = { owner: user.id, ...sizesOf(vault), isNew: false }
      await quota.charge(tx, growth, async () => {
        if (await open.rekey(vault)) return true
        throw new DomainError(
          'invalid',
          'The records, additional fields and notes are not exactly those of the vault, with its trash',
        )
      })
      await open.history.forget()
      await tx.users.replaceMasterPassword(user.id, changed)
      await emailQueue?.queuePasswordChanged(tx, user, request.baseUrl)
      tx.audit.record(userEvent({ time: clock(), kind: 'password-changed', user, address }))
      return vaultStateOf({ id: user.id, revision: open.revision })
    }, bounds)
    emailQueue?.wake()
    return { token: await sessions.open(changed), state: newState, user: changed }
  }

  return {
    async change(request) {
      const { user } = await deps.credentialCheck.check(request.credentials, request)
      if (isUnderWay) {
        throw new DomainError(
          'unavailable',
          'Another master password is being changed, try again in a while',
        )
      }
      isUnderWay = true
      try {
        return await replace(user, request)
      } finally {
        isUnderWay = false
      }
    },
  }
}

/** The keys are made with the email address, and every client takes the one that its owner types. */
function requireSameAddress(user: User, email: string | null): void {
  if (email === null || email === user.email) return
  throw new DomainError(
    'forbidden',
    `The email address can't be changed: the new keys must be made with ${user.email}, in lower case`,
  )
}
