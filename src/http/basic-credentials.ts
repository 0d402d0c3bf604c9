import type { Credentials } from '../domain/login'

const basicPattern = /^basic +(?<encoded>[A-Za-z0-9+/]+={0,2}) *$/i
const utf8 = new TextDecoder('utf-8', { fatal: true })
const latin1 = new TextDecoder('latin1')

/** Reads an `Authorization` header (RFC 7617); null when it is missing, malformed, or lacks one half. */
export function parseBasicCredentials(header: string | null): Credentials | null {
  const encoded = basicPattern.exec(header ?? '')?.groups?.['encoded']
  if (encoded === undefined) return null
  const text = decode(Buffer.from(encoded, 'base64'))
  const colon = text.indexOf(':')
  // Without a colon this is the empty text too.
  const email = text.slice(0, Math.max(colon, 0))
  const masterPasswordHash = text.slice(colon + 1)
  return email === '' || masterPasswordHash === '' ? null : { email, masterPasswordHash }
}

/** OkHttp sends ISO-8859-1, other clients UTF-8 (contract). */
function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return latin1.decode(bytes)
  }
}
