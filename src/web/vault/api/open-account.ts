import { deriveVaultKeys, emailsToTry, type TypedCredentials, type VaultKeys } from '../crypto/keys'
import { type OpenVault, openVault } from '../model/entries'
import type { Failure, Result, ServerApi } from './server'

/** An unlocked vault. All of it is in the memory of the page alone, and gone with it. */
export interface OpenAccount {
  readonly token: string
  readonly keys: VaultKeys
  readonly vault: OpenVault
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
    const signedIn = await api.signIn(email.trim(), keys.masterPasswordHash)
    if (signedIn.ok) return await readAccount(api, signedIn.value, keys)
    failure = signedIn.failure
    if (!isWrongPassword(failure)) break
  }
  return { ok: false, failure }
}

async function readAccount(
  api: ServerApi,
  token: string,
  keys: VaultKeys,
): Promise<Result<OpenAccount>> {
  const read = await api.readVault(token)
  if (!read.ok) return read
  const vault = await openVault({ key: keys.encryptionKey, vault: read.value })
  return { ok: true, value: { token, keys, vault } }
}

/** The server says the same of an unknown email and of a wrong password. */
export function isWrongPassword(failure: Failure): boolean {
  return failure.kind === 'refused' && failure.status === 401
}
