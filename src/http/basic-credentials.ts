import type { Credentials } from '../domain/credential-check'

const basicPattern = /^basic +(?<encoded>[A-Za-z0-9+/]+={0,2}) *$/i
const utf8 = new TextDecoder('utf-8', { fatal: true })
const latin1 = new TextDecoder('latin1')

/**
 * Parses an `Authorization` header (RFC 7617). Returns null if the header is missing or malformed, or if the email or the
 * hash in it is empty.
 */
export function parseBasicCredentials(header: string | null): Credentials | null {
  const encoded = basicPattern.exec(header ?? '')?.groups?.['encoded']
  if (encoded === undefined) return null
  const text = decode(Buffer.from(encoded, 'base64'))
  const colon = text.indexOf(':')
  // Without a colon the email is empty, too.
  const email = text.slice(0, Math.max(colon, 0))
  const masterPasswordHash = text.slice(colon + 1)
  return email === '' || masterPasswordHash === '' ? null : { email, masterPasswordHash }
}

/** Decodes UTF-8, or else ISO-8859-1: OkHttp, which the Android client uses, sends the latter (wire contract). */
function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return latin1.decode(bytes)
  }
}
