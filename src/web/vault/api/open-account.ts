import { deriveVaultKeys, emailsToTry, type TypedCredentials, type VaultKeys } from '../crypto/keys'
import { type DecryptedVault, openVault } from '../model/entries'
import type { Failure, Result, ServerApi } from './server'
import { createSession, type VaultSession } from './session'

/** An unlocked vault. All of it is in the memory of the page alone, and gone with it. */
export interface OpenAccount {
  readonly session: VaultSession
  readonly keys: VaultKeys
  /** The salt of the keys: the email, as the client that created the account has it. */
  readonly salt: string
  readonly vault: DecryptedVault
}

/**
 * Signs in and reads the vault. An email with capitals is tried as a salt in lower case, then as typed: two guesses for the
 * server's limits.
 */
export async function openAccount(
  api: ServerApi,
  { email, masterPassword }: TypedCredentials,
): Promise<Result<OpenAccount>> {
  let failure: Failure = { kind: 'unexpected' }
  for (const salt of emailsToTry(email)) {
    const keys = await deriveVaultKeys({ email: salt, masterPassword })
    const credentials = { email: email.trim(), masterPasswordHash: keys.masterPasswordHash }
    const signedIn = await api.signIn(credentials)
    if (signedIn.ok) {
      const session = createSession(api, credentials, signedIn.value)
      return await readAccount(api, { session, keys, salt })
    }
    failure = signedIn.failure
    if (!isWrongPassword(failure)) break
  }
  return { ok: false, failure }
}

async function readAccount(
  api: ServerApi,
  opened: Omit<OpenAccount, 'vault'>,
): Promise<Result<OpenAccount>> {
  const read = await opened.session.ask((token) => api.readVault(token, null))
  if (!read.ok) return read
  if (read.value === null) return { ok: false, failure: { kind: 'unexpected' } }
  const vault = await openVault({ key: opened.keys.encryptionKey, vault: read.value })
  return { ok: true, value: { ...opened, vault } }
}

/** Whether the account waits for the click on a link in an email. */
export function isUnconfirmed(failure: Failure): boolean {
  return failure.kind === 'refused' && failure.status === 403 && !/disabled/i.test(failure.detail)
}

/** The server says the same of an unknown email and of a wrong password. */
export function isWrongPassword(failure: Failure): boolean {
  return failure.kind === 'refused' && failure.status === 401
}
