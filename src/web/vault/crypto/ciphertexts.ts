import { type Bytes, decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from './encoding'

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

/** How many bytes are decrypted at once. */
const maxRun = 4 * 1024 ** 2

/**
 * Decrypts texts. Never throws: one broken value must not hide the others. What can be read is not authenticated, since the format
 * has no place for that; so no request may depend on the result, which would tell a hostile server whether the padding was right.
 *
 * A call of Web Crypto costs many times what it does with a short text, so all texts are decrypted in one run: in CBC each block needs
 * only the block before, and with its IV before it, a ciphertext can stand anywhere in another.
 */
export async function decryptTexts(
  key: CryptoKey,
  ciphertexts: readonly string[],
): Promise<readonly Decrypted[]> {
  const texts: Decrypted[] = ciphertexts.map((ciphertext) => ({ ciphertext }))
  let run: Part[] = []
  let length = 0
  const finish = async () => {
    for (const { index, text } of await decryptRun(key, run, length)) texts[index] = text
    run = []
    length = 0
  }
  for (const [index, ciphertext] of ciphertexts.entries()) {
    const bytes = parseCiphertext(ciphertext)
    if (bytes === null) continue
    if (length + bytes.iv.length + bytes.data.length > maxRun && run.length > 0) await finish()
    run.push({ index, ...bytes })
    length += bytes.iv.length + bytes.data.length
  }
  if (run.length > 0) await finish()
  return texts
}

export async function decryptText(key: CryptoKey, ciphertext: string): Promise<Decrypted> {
  const [text] = await decryptTexts(key, [ciphertext])
  return text ?? { ciphertext }
}

interface Part {
  readonly index: number
  readonly iv: Bytes
  readonly data: Bytes
}

/** Returns the texts of those parts that are some. */
async function decryptRun(
  key: CryptoKey,
  parts: readonly Part[],
  length: number,
): Promise<readonly { readonly index: number; readonly text: string }[]> {
  const run = new Uint8Array(length + blockSize)
  let at = 0
  for (const { iv, data } of parts) {
    run.set(iv, at)
    run.set(data, at + blockSize)
    at += blockSize + data.length
  }
  // Web Crypto wants valid padding at the end. An empty text has nothing else, and the block before it for its IV.
  const iv = run.slice(length - blockSize, length)
  const end = await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key, new Uint8Array())
  run.set(new Uint8Array(end), length)
  const start = { name: 'AES-CBC', iv: new Uint8Array(blockSize) }
  const plain = new Uint8Array(await crypto.subtle.decrypt(start, key, run))
  at = 0
  return parts.flatMap(({ index, data }) => {
    const begin = at + blockSize
    at = begin + data.length
    const text = unpad(plain.subarray(begin, at))
    return text === null ? [] : [{ index, text }]
  })
}

/** Removes the padding of PKCS#7. Returns null if there is another, or if the rest is no text. */
function unpad(bytes: Bytes): string | null {
  const count = bytes.at(-1) ?? 0
  if (count < 1 || count > blockSize) return null
  const end = bytes.length - count
  return bytes.subarray(end).every((byte) => byte === count)
    ? decodeUtf8(bytes.subarray(0, end))
    : null
}

function parseCiphertext(ciphertext: string): Omit<Part, 'index'> | null {
  const [data, iv, ...rest] = ciphertext.split(':', 3).map(decodeBase64)
  if (!data || !iv || rest.length > 0 || iv.length !== blockSize) return null
  return data.length > 0 && data.length % blockSize === 0 ? { data, iv } : null
}

/** Returns the length of what `encryptText` returns for a text, without encrypting it. */
export function ciphertextLength(text: string): number {
  const padded = blockSize * (Math.floor(encodeUtf8(text).length / blockSize) + 1)
  const base64Length = (bytes: number) => 4 * Math.ceil(bytes / 3)
  return base64Length(padded) + 1 + base64Length(blockSize)
}
