import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'

/** Parameters of both clients (contract, "The clients"; vectors.json). */
const iterations = 120_000
const length = 32

/**
 * Returns the master password hash that a client would send, in base64: for accounts that an operator creates. `email` is in
 * lower case. It is the salt, so the email of an account can never change. Does not block the event loop.
 */
export async function hashMasterPassword(masterPassword: string, email: string): Promise<string> {
  const hash = await promisify(pbkdf2)(masterPassword, email, iterations, length, 'sha512')
  return hash.toString('base64')
}
