import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'

/** What both clients do (contract, "The clients"; vectors.json). */
const iterations = 120_000
const length = 32

/**
 * The master password hash that a client would send for a master password: for accounts that an operator makes. The
 * email, lower-cased, is its salt, so it can never change. Leaves the event loop free.
 */
export async function hashMasterPassword(masterPassword: string, email: string): Promise<string> {
  const hash = await promisify(pbkdf2)(masterPassword, email, iterations, length, 'sha512')
  return hash.toString('base64')
}
