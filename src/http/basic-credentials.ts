import type { Credentials, CredentialsRequest } from '../domain/credential-check'
import { DomainError } from '../domain/errors'
import type { ResolveBaseUrl } from './base-url'
import type { RequestContexts } from './request-context'
import { type NeedsHttps, requireHttps } from './require-https'

const basicPattern = /^basic +(?<encoded>[A-Za-z0-9+/]+={0,2}) *$/i
const utf8 = new TextDecoder('utf-8', { fatal: true })
const latin1 = new TextDecoder('latin1')

/** What reading credentials needs. */
export interface CredentialsDeps {
  readonly resolveBaseUrl: ResolveBaseUrl
  readonly contexts: RequestContexts
  readonly needsHttps: NeedsHttps
}

/**
 * Returns the credentials of a request, and where they came from. Throws an HttpError if they must not be sent without HTTPS,
 * `unauthenticated` if there are none.
 */
export function readCredentials(
  request: Request,
  { resolveBaseUrl, contexts, needsHttps }: CredentialsDeps,
): { credentials: Credentials; from: CredentialsRequest } {
  const context = contexts.get(request)
  const { client } = context.findSender()
  requireHttps(needsHttps, client)
  const credentials = parseBasicCredentials(request.headers.get('authorization'))
  if (credentials === null) {
    throw new DomainError('unauthenticated', "Authentication info missing or it's incomplete")
  }
  const baseUrl = () => resolveBaseUrl(request, client)
  return { credentials, from: { baseUrl, address: client.address, bounds: context } }
}

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
