/** Talks to the server that the page came from, at addresses relative to the page, so that it works below any path. */
import { encodeBase64, encodeUtf8 } from '../crypto/encoding'
import { parseWireVault, type WireVault } from '../model/wire'

/** What came of a request. */
export type Result<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: Failure }

export type Failure =
  /** No answer at all. */
  | { readonly kind: 'offline' }
  /** An answer that is none of this server's. */
  | { readonly kind: 'unexpected' }
  | {
      readonly kind: 'refused'
      readonly status: number
      /** Seconds until another attempt may help; null if the server does not say. */
      readonly retryAfter: number | null
    }

/** `fetch` of the browser; in tests that of a server. */
export type Fetch = (address: string, init: RequestInit) => Promise<Response>

export interface ServerApi {
  /** Returns a session token. */
  signIn(email: string, masterPasswordHash: string): Promise<Result<string>>
  readVault(token: string): Promise<Result<WireVault>>
}

export function connectToServer(fetch: Fetch): ServerApi {
  async function ask<Value>(
    path: string,
    headers: Readonly<Record<string, string>>,
    parse: (body: unknown) => Value | null,
  ): Promise<Result<Value>> {
    const init = { headers, cache: 'no-store', credentials: 'omit', redirect: 'error' } as const
    const response = await fetch(`../${path}`, init).catch(() => null)
    if (response === null) return { ok: false, failure: { kind: 'offline' } }
    if (!response.ok) return { ok: false, failure: refusalOf(response) }
    const value = parse(await response.json().catch(() => null))
    return value === null ? { ok: false, failure: { kind: 'unexpected' } } : { ok: true, value }
  }

  return {
    signIn: (email, hash) =>
      ask('login', { authorization: `Basic ${basicCredentials(email, hash)}` }, parseToken),
    readVault: (token) => ask('account/vault', { 'x-access-token': token }, parseWireVault),
  }
}

function basicCredentials(email: string, hash: string): string {
  return encodeBase64(encodeUtf8(`${email}:${hash}`))
}

function refusalOf({ status, headers }: Response): Failure {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return { kind: 'refused', status, retryAfter: Number.isNaN(seconds) ? null : seconds }
}

function parseToken(body: unknown): string | null {
  const isToken = typeof body === 'object' && body !== null && 'token' in body
  return isToken && typeof body.token === 'string' ? body.token : null
}
