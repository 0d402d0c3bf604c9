/** Password hashing, tokens and signatures: the only code that computes with keys and password hashes. */
import { pbkdf2, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import type { PasswordHash, PasswordHasher } from '../domain/password-hash'
import type { MonotonicClock, Random, Wait } from '../domain/runtime'
import { createSemaphore, type SemaphoreOptions } from './semaphore'

/** OWASP's figure for PBKDF2-HMAC-SHA512 (Password Storage Cheat Sheet). */
export const productionIterations = 220_000

/** Milliseconds that they take on a usual core. Clients that all sign in after a restart are queued by it. */
const expectedDuration = 100

/** The original server's parameters. Its salt is the email in lower case, its format plain base64 (contract, vectors.json). */
const legacyIterations = 40_000
const legacyLength = 32

const saltLength = 16
const hashLength = 32
const algorithm = 'pbkdf2-sha512'

const pbkdf2OnThread = promisify(pbkdf2)

/** Computes PBKDF2-HMAC-SHA512: the one slow step of a check, and the only one whose duration could reveal an account. */
export type Derive = (
  input: {
    readonly password: string
    readonly salt: Uint8Array | string
    readonly iterations: number
    /** Bytes of the result. */
    readonly length: number
  },
  options?: SemaphoreOptions,
) => Promise<Uint8Array>

/**
 * Runs PBKDF2 on Bun's thread pool, by turns of the origins, so that the event loop is not blocked. The pool has one thread
 * per core and verifies the signatures of tokens too. If there are several, one is left free for that: otherwise each request
 * of a signed-in client would wait for logins of other clients. Throws `unavailable` if `maxQueued` already wait, or the result
 * would come too late.
 */
export function createDerive(
  maxQueued: number,
  timing: { monotonicClock: MonotonicClock; wait: Wait },
): Derive {
  const maxConcurrent = Math.max(1, availableParallelism() - 1)
  const semaphore = createSemaphore({ maxConcurrent, maxQueued, expectedDuration, ...timing })
  return ({ password, salt, iterations, length }, options) =>
    semaphore(() => pbkdf2OnThread(password, salt, iterations, length, 'sha512'), options)
}

/**
 * Creates and checks PBKDF2 password hashes in the PHC string format, `$pbkdf2-sha512$i=220000$SALT$HASH` with unpadded base64
 * (https://github.com/P-H-C/phc-string-format). Checks legacy hashes of the original server as well.
 */
export function createPasswordHasher({
  random,
  derive,
  iterations = productionIterations,
}: {
  random: Random
  derive: Derive
  /** Of new password hashes. */
  iterations?: number | undefined
}): PasswordHasher {
  return {
    async hash(masterPasswordHash, options) {
      const salt = random(saltLength)
      const hash = await derive(
        { password: masterPasswordHash, salt, iterations, length: hashLength },
        options,
      )
      return formatPhc({ iterations, salt, hash })
    },

    async verify({ masterPasswordHash, email, passwordHash, includeLegacy, ...options }) {
      const stored = passwordHash === null ? null : parsePhc(passwordHash)
      // Unknown and legacy accounts have no current hash. One is computed anyway, with a new salt, so that the check takes
      // the same time; for a legacy account it becomes the replacement.
      const parameters = {
        iterations: stored?.iterations ?? iterations,
        salt: stored?.salt ?? random(saltLength),
      }
      const password = masterPasswordHash
      const legacyParameters = { salt: email, iterations: legacyIterations, length: legacyLength }
      const [current, legacy] = await Promise.all([
        derive({ password, ...parameters, length: hashLength }, options),
        includeLegacy ? derive({ password, ...legacyParameters }, options) : null,
      ])
      if (stored !== null)
        return { matches: constantTimeEqual(current, stored.hash), replacement: null }
      const matches =
        passwordHash !== null &&
        legacy !== null &&
        constantTimeEqual(legacy, decodeLegacyHash(passwordHash))
      return { matches, replacement: matches ? formatPhc({ ...parameters, hash: current }) : null }
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

/** Returns null for a password hash in any other format, such as a legacy one. */
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

/** Takes the same time for all hashes of one length. The length is not secret. */
function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
