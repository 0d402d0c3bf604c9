import { isWrongPassword, openAccount } from '../api/open-account'
import type { Failure, ServerApi } from '../api/server'
import { createSession } from '../api/session'
import { deriveVaultKeys, emailSalt, type VaultKeys } from '../crypto/keys'
import type { OpenEntry } from '../model/entries'
import { rekeyOpenVault } from '../model/rekey'
import type { VaultState } from './open-vault'

/** What came of a change of the master password. */
export type MasterPasswordOutcome =
  | { readonly kind: 'changed' }
  /** The answer was lost, but the new master password holds. */
  | { readonly kind: 'changed-unanswered' }
  /** No answer came, and the old master password still holds. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'wrong' }
  /** These can't be decrypted, so they can't get another key. Nothing was sent. */
  | { readonly kind: 'unreadable'; readonly entries: readonly OpenEntry[] }
  /** It is not made. */
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** No answer came, and none to the question which of the two holds. */
  | { readonly kind: 'unknown' }

/** How often somebody else may write in between before this gives up. */
const maxAttempts = 3

/**
 * Encrypts the vault, as the server has it now, under new keys, and sends all of it at once. Whatever happens, exactly one of the
 * two master passwords holds afterwards, and this says which.
 *
 * Nothing else is written meanwhile: what is encrypted with the old key would not be let in afterwards. Once the vault is locked,
 * nothing is sent.
 */
export function changeMasterPassword(input: PasswordChange): Promise<MasterPasswordOutcome> {
  return input.vault.alone(() => changeAlone(input))
}

export interface NewMasterPassword {
  readonly oldPassword: string
  readonly newPassword: string
  readonly hint: string | null
}

interface PasswordChange extends NewMasterPassword {
  readonly api: ServerApi
  readonly vault: VaultState
}

async function changeAlone(input: PasswordChange): Promise<MasterPasswordOutcome> {
  const { api, vault, oldPassword, newPassword, hint } = input
  const { email } = vault.account.value.session.credentials
  const salt = emailSalt(vault.vault.value.email)
  const keys = await deriveVaultKeys({ email: salt, masterPassword: newPassword })
  for (let attempt = 1; ; attempt++) {
    const opened = await openAccount(api, { email, masterPassword: oldPassword })
    if (!opened.ok)
      return isWrongPassword(opened.failure)
        ? { kind: 'wrong' }
        : { kind: 'failed', failure: opened.failure }
    const rekeyed = await rekeyOpenVault({ vault: opened.value.vault, keys, email: salt, hint })
    if (rekeyed.kind === 'unreadable') return rekeyed
    if (rekeyed.kind === 'failed') return { kind: 'failed', failure: { kind: 'unexpected' } }
    if (vault.isClosed()) return { kind: 'failed', failure: { kind: 'not-sent' } }
    const { credentials } = opened.value.session
    const changed = await api.changeMasterPassword(credentials, rekeyed.body)
    if (changed.ok) {
      await goOn(input, { keys, salt, token: changed.value.token })
      return { kind: 'changed' }
    }
    const { failure } = changed
    const isOutdated = failure.kind === 'refused' && failure.status === 409
    if (isOutdated && attempt < maxAttempts) continue
    if (!isUncertain(failure)) return { kind: 'failed', failure }
    return findOut(input, { keys, salt })
  }
}

/** Whether the server may have made the change all the same. */
function isUncertain(failure: Failure): boolean {
  if (failure.kind === 'refused') return failure.status >= 500 && failure.status !== 507
  return failure.kind === 'offline' || failure.kind === 'unexpected'
}

/** Signs in with the new master password, then with the old one, to know which of them holds. */
async function findOut(
  { api, vault }: { api: ServerApi; vault: VaultState },
  next: { keys: VaultKeys; salt: string },
): Promise<MasterPasswordOutcome> {
  const { keys, salt } = next
  const { masterPasswordHash } = keys
  const signedIn = await api.signIn({ email: salt, masterPasswordHash })
  if (signedIn.ok) {
    await goOn({ api, vault }, { keys, salt, token: signedIn.value })
    return { kind: 'changed-unanswered' }
  }
  if (!isWrongPassword(signedIn.failure)) return { kind: 'unknown' }
  const old = await api.signIn(vault.account.value.session.credentials)
  return old.ok ? { kind: 'unchanged' } : { kind: 'unknown' }
}

async function goOn(
  { api, vault }: { api: ServerApi; vault: VaultState },
  { keys, salt, token }: { keys: VaultKeys; salt: string; token: string },
): Promise<void> {
  const credentials = { email: salt, masterPasswordHash: keys.masterPasswordHash }
  await vault.changeKeys({ keys, salt, session: createSession(api, credentials, token) })
}
