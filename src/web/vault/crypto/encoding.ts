/**
 * Cryptography of the web vault: what the clients for Windows and Android do as well (the wire contract), and what is the web
 * vault's own, the emergency file. Web Crypto alone; nothing here knows the screen, the network or the model.
 */

/** A part of a string that `fromCharCode` takes as arguments without a problem for the stack. */
const chunk = 8192

const utf8 = new TextEncoder()
// A byte order mark is a part of the text: a password may begin with one.
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes in memory of their own, as Web Crypto wants them. */
export type Bytes = Uint8Array<ArrayBuffer>

export function encodeUtf8(text: string): Bytes {
  return utf8.encode(text)
}

/** Returns null for bytes that are not UTF-8. */
export function decodeUtf8(bytes: ArrayBuffer | Bytes): string | null {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return null
  }
}

export function encodeBase64(bytes: Bytes): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += chunk)
    binary += String.fromCharCode(...bytes.subarray(at, at + chunk))
  return btoa(binary)
}

/** Returns null for anything but padded base64 without spaces. `atob` alone takes more. */
export function decodeBase64(text: string): Bytes | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null
  // Several times as fast as what older browsers have, and a vault has thousands of these.
  if (typeof Uint8Array.fromBase64 === 'function') return Uint8Array.fromBase64(text)
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
