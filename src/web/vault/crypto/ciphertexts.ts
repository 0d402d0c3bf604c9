import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from './encoding'

const blockSize = 16

/** Maximum lengths of ciphertexts on the wire, in characters. */
export const maxCiphertext = { value: 64 * 1024, noteContent: 512 * 1024 }

/** A value that this key does not decrypt. It goes back to the server as it came. */
export interface Unreadable {
  readonly ciphertext: string
}

/** A decrypted text, or what is there instead. */
export type Decrypted = string | Unreadable

export function isReadable(value: Decrypted): value is string {
  return typeof value === 'string'
}

/** Returns `base64(data):base64(iv)`, with a fresh IV. */
export async function encryptText(key: CryptoKey, text: string): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(blockSize))
  const data = await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key, encodeUtf8(text))
  return `${encodeBase64(new Uint8Array(data))}:${encodeBase64(iv)}`
}

/**
 * Never throws: one broken value must not hide the others. What can be read is not authenticated, since the format has no place
 * for that; so no request may depend on the result, which would tell a hostile server whether the padding was right.
 */
export async function decryptText(key: CryptoKey, ciphertext: string): Promise<Decrypted> {
  const [data, iv] = parseCiphertext(ciphertext) ?? []
  if (data === undefined || iv === undefined) return { ciphertext }
  try {
    const bytes = await crypto.subtle.decrypt({ name: 'AES-CBC', iv }, key, data)
    return decodeUtf8(bytes) ?? { ciphertext }
  } catch {
    return { ciphertext }
  }
}

function parseCiphertext(ciphertext: string) {
  const parts = ciphertext.split(':')
  if (parts.length !== 2) return null
  const [data, iv] = parts.map(decodeBase64)
  if (!data || !iv || iv.length !== blockSize) return null
  return data.length > 0 && data.length % blockSize === 0 ? ([data, iv] as const) : null
}

/** Returns the length of what `encryptText` returns for a text, without encrypting it. */
export function ciphertextLength(text: string): number {
  const padded = blockSize * (Math.floor(encodeUtf8(text).length / blockSize) + 1)
  const base64Length = (bytes: number) => 4 * Math.ceil(bytes / 3)
  return base64Length(padded) + 1 + base64Length(blockSize)
}
