import { pbkdf2, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import type { PasswordHash, PasswordHasher } from '../domain/password-hash'
import type { Random } from '../domain/runtime'
import { createSemaphore, type SemaphoreOptions } from './semaphore'

/** OWASP's figure for PBKDF2-HMAC-SHA512 (Password Storage Cheat Sheet). Takes about 0.1 s of one core. */
export const productionIterations = 220_000

/** The original server's, salted with the lower-cased email, 32 bytes, plain base64 (contract, vectors.json). */
const legacyIterations = 40_000
const legacyLength = 32

const saltLength = 16
const hashLength = 32
const algorithm = 'pbkdf2-sha512'

const pbkdf2OnThread = promisify(pbkdf2)

/** PBKDF2-HMAC-SHA512: the one slow step, which is also all that a check may be told apart by. */
export type Derive = (
  password: string,
  salt: Uint8Array | string,
  iterations: number,
  length: number,
  options?: SemaphoreOptions,
) => Promise<Uint8Array>

/**
 * Runs on threads of its own, so that the event loop stays free, in order of asking. Bun has one thread per core for all
 * slow work, and checks the signature of every token there: where there are several, one is left for that, or each request
 * of a signed-in client would wait behind the logins of strangers. Throws `unavailable` when `mostWaiting` wait.
 */
export function createDerive(maxQueued: number): Derive {
  const semaphore = createSemaphore(Math.max(1, availableParallelism() - 1), maxQueued)
  return (password, salt, iterations, length, options) =>
    semaphore(() => pbkdf2OnThread(password, salt, iterations, length, 'sha512'), options)
}

/** For whoever is alone with it: as many wait as are answered before their connections idle out. */
const defaultDerive = createDerive(256)

/**
 * PBKDF2 verifiers in the PHC string format, `$pbkdf2-sha512$i=220000$SALT$HASH` with unpadded base64
 * (https://github.com/P-H-C/phc-string-format), and those of the original server.
 */
export function createPasswordHasher(
  random: Random,
  iterations: number = productionIterations,
  derive: Derive = defaultDerive,
): PasswordHasher {
  return {
    async hash(masterPasswordHash) {
      const salt = random(saltLength)
      const hash = await derive(masterPasswordHash, salt, iterations, hashLength)
      return formatPhc({ iterations, salt, hash })
    },

    async verify({ masterPasswordHash, email, passwordHash, includeLegacy, ...options }) {
      const stored = passwordHash === null ? null : parsePhc(passwordHash)
      // Whoever has no verifier of today's kind pays for one all the same, with a salt that makes it
      // a fresh one: for an account of the original's kind it becomes the replacement.
      const salt = stored?.salt ?? random(saltLength)
      const fresh = { iterations: stored?.iterations ?? iterations, salt }
      const [current, legacy] = await Promise.all([
        derive(masterPasswordHash, fresh.salt, fresh.iterations, hashLength, options),
        includeLegacy
          ? derive(masterPasswordHash, email, legacyIterations, legacyLength, options)
          : null,
      ])
      if (stored !== null)
        return { matches: constantTimeEqual(current, stored.hash), replacement: null }
      const matches =
        passwordHash !== null &&
        legacy !== null &&
        constantTimeEqual(legacy, decodeLegacyHash(passwordHash))
      return { matches, replacement: matches ? formatPhc({ ...fresh, hash: current }) : null }
    },
  }
}

interface Phc {
  readonly iterations: number
  readonly salt: Uint8Array
  readonly hash: Uint8Array
}

function formatPhc({ iterations, salt, hash }: Phc): PasswordHash {
  const encode = (bytes: Uint8Array) => bytes.toBase64({ omitPadding: true })
  return `$${algorithm}$i=${iterations}$${encode(salt)}$${encode(hash)}`
}

const phcPattern =
  /^\$pbkdf2-sha512\$i=(?<iterations>[1-9]\d{0,8})\$(?<salt>[A-Za-z0-9+/]+)\$(?<hash>[A-Za-z0-9+/]+)$/

/** Null for a verifier that is not of today's kind. */
function parsePhc(passwordHash: PasswordHash): Phc | null {
  const { iterations, salt, hash } = phcPattern.exec(passwordHash)?.groups ?? {}
  if (iterations === undefined || salt === undefined || hash === undefined) return null
  return {
    iterations: Number(iterations),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  }
}

function decodeLegacyHash(passwordHash: PasswordHash): Uint8Array {
  return Buffer.from(passwordHash, 'base64')
}

/** Constant-time for hashes of one length; another length is no secret. */
function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
