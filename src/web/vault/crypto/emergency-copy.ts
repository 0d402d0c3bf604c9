import { type Bytes, decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from './encoding'
import { importPassword } from './keys'

/** The encrypted part of an emergency file. docs/web-vault.md describes the format. */
export interface EmergencyCopy {
  readonly format: typeof format
  readonly version: 1
  /** Iterations of PBKDF2-HMAC-SHA512. */
  readonly iterations: number
  /** base64 of 32 random bytes. */
  readonly salt: string
  /** base64 of 12 random bytes. */
  readonly iv: string
  /** base64 of the ciphertext with its tag, AES-256-GCM. */
  readonly data: string
}

const format = 'snailpass-emergency-copy'

/** The file lies where anyone may try passwords for years, so this is several times as many as at a sign-in. */
const defaultIterations = 600_000

/** A file that asks for more would keep the browser busy for minutes. */
const maxIterations = 20_000_000

const sizes = { salt: 32, iv: 12 }

/** Encrypts a text under a key of its own, which has nothing in common with those of the vault. */
export async function sealEmergencyCopy(
  password: string,
  text: string,
  iterations = defaultIterations,
): Promise<EmergencyCopy> {
  const salt = crypto.getRandomValues(new Uint8Array(sizes.salt))
  const iv = crypto.getRandomValues(new Uint8Array(sizes.iv))
  const head = { format, version: 1, iterations, salt: encodeBase64(salt) } as const
  const key = await deriveCopyKey({ password, salt, iterations })
  const cipher = { name: 'AES-GCM', iv, additionalData: authenticatedHead(head) }
  const data = await crypto.subtle.encrypt(cipher, key, encodeUtf8(text))
  return { ...head, iv: encodeBase64(iv), data: encodeBase64(new Uint8Array(data)) }
}

/** Returns null for what no emergency copy is. */
export function parseEmergencyCopy(value: unknown): EmergencyCopy | null {
  if (typeof value !== 'object' || value === null) return null
  const { salt, iv, data, ...head }: { readonly [Name in keyof EmergencyCopy]?: unknown } = value
  const isKnown = head.format === format && head.version === 1
  if (!isKnown || typeof head.iterations !== 'number') return null
  if (typeof salt !== 'string' || typeof iv !== 'string' || typeof data !== 'string') return null
  return { format, version: 1, iterations: head.iterations, salt, iv, data }
}

/** Returns null for a wrong password, and for a copy of which any byte is another one. */
export async function openEmergencyCopy(
  password: string,
  copy: EmergencyCopy,
): Promise<string | null> {
  const [salt, iv, data] = [copy.salt, copy.iv, copy.data].map(decodeBase64)
  if (!salt || !iv || !data || salt.length !== sizes.salt || iv.length !== sizes.iv) return null
  const { iterations } = copy
  if (!Number.isSafeInteger(iterations) || iterations < 1 || iterations > maxIterations) return null
  try {
    const key = await deriveCopyKey({ password, salt, iterations })
    const cipher = { name: 'AES-GCM', iv, additionalData: authenticatedHead(copy) }
    return decodeUtf8(await crypto.subtle.decrypt(cipher, key, data))
  } catch {
    return null
  }
}

function authenticatedHead({
  format,
  version,
  iterations,
  salt,
}: Omit<EmergencyCopy, 'iv' | 'data'>): Bytes {
  return encodeUtf8([format, version, iterations, salt].join('\n'))
}

async function deriveCopyKey(input: {
  password: string
  salt: Bytes
  iterations: number
}): Promise<CryptoKey> {
  return crypto.subtle.deriveKey(
    { name: 'PBKDF2', hash: 'SHA-512', salt: input.salt, iterations: input.iterations },
    await importPassword(input.password),
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt', 'decrypt'],
  )
}
