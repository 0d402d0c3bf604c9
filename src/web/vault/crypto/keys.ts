import { encodeBase64, encodeUtf8 } from './encoding'

/** Fixed by the wire contract: every client derives the same. */
const iterations = { masterPasswordHash: 120_000, encryptionKey: 100_000 }

export interface TypedCredentials {
  /** Exactly the salt: see `emailsToTry`. */
  readonly email: string
  readonly masterPassword: string
}

export interface VaultKeys {
  /** What the server gets instead of the master password. */
  readonly masterPasswordHash: string
  /** AES-256-CBC. No script can read its bytes. */
  readonly encryptionKey: CryptoKey
}

/** Derives both at once, on threads of the browser. The master password is taken as typed, without Unicode normalization. */
export async function deriveVaultKeys({
  email,
  masterPassword,
}: TypedCredentials): Promise<VaultKeys> {
  const password = await importPassword(masterPassword)
  const parameters = (count: number) => ({
    name: 'PBKDF2',
    hash: 'SHA-512',
    salt: encodeUtf8(email),
    iterations: count,
  })
  const [hash, encryptionKey] = await Promise.all([
    crypto.subtle.deriveBits(parameters(iterations.masterPasswordHash), password, 256),
    crypto.subtle.deriveKey(
      parameters(iterations.encryptionKey),
      password,
      { name: 'AES-CBC', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    ),
  ])
  return { masterPasswordHash: encodeBase64(new Uint8Array(hash)), encryptionKey }
}

/** Returns a password as the input of PBKDF2. */
export function importPassword(password: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', encodeUtf8(password), 'PBKDF2', false, [
    'deriveBits',
    'deriveKey',
  ])
}

/** As the server stores an email, and as Android and this client salt with it. */
export function emailSalt(typed: string): string {
  return typed.trim().toLowerCase()
}

/**
 * Returns the salts to try at a sign-in, in this order: the client for Windows salts with the email as it was typed there, so an
 * account that it created with capitals has them in its keys.
 */
export function emailsToTry(typed: string): readonly string[] {
  return [...new Set([emailSalt(typed), typed.trim()])]
}
