/** Talks to the server that the page came from, at addresses relative to the page, so that it works below any path. */
import { encodeBase64, encodeUtf8 } from '../crypto/encoding'
import type { WireRekeyedVault } from '../model/rekey'
import {
  parseWireEntries,
  parseWireVault,
  type WireChanges,
  type WireEntries,
  type WireVault,
} from '../model/wire'
import {
  type AccountDevice,
  type EntryVersions,
  type ListedHistory,
  parseDevices,
  parseHistory,
  parseRekeyed,
  parseToken,
  parseVersions,
  parseWritten,
  type Written,
} from './answers'
import { exchange, type Fetch, type WholeAnswer } from './exchange'

export type { Fetch }

/** What came of a request. */
export type Result<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: Failure }

export type Failure =
  /** No answer at all. */
  | { readonly kind: 'offline' }
  /** An answer that is none of this server's. */
  | { readonly kind: 'unexpected' }
  /** The session ended on the server: signed out elsewhere, or the account is another one now. */
  | { readonly kind: 'signed-out' }
  /** The vault was locked before, or is under another key than what was to be sent. */
  | { readonly kind: 'not-sent' }
  /** Entries were changed since they were read (412): these are as they are now. */
  | { readonly kind: 'outdated'; readonly present: WireEntries }
  | Refusal

interface Refusal {
  readonly kind: 'refused'
  readonly status: number
  /** Seconds until another attempt may help; null if the server does not say. */
  readonly retryAfter: number | null
  /** What the server says, in English; empty if it says nothing. */
  readonly detail: string
}

export interface SignInCredentials {
  readonly email: string
  readonly masterPasswordHash: string
}

export interface NewAccount extends SignInCredentials {
  readonly id: string
  readonly hint: string | null
}

export interface ServerApi {
  /** Returns a session token. */
  signIn(credentials: SignInCredentials): Promise<Result<string>>
  signUp(account: NewAccount): Promise<Result<true>>
  /** Returns null if the vault still has the state that is known. */
  readVault(token: string, knownState: string | null): Promise<Result<WireVault | null>>
  writeVault(token: string, changes: WireChanges): Promise<Result<Written>>
  listDevices(token: string): Promise<Result<readonly AccountDevice[]>>
  /** Signs out everywhere, and returns the token of a new session. */
  endSessions(token: string): Promise<Result<string>>
  changeMasterPassword(
    credentials: SignInCredentials,
    vault: WireRekeyedVault,
  ): Promise<Result<{ readonly token: string }>>
  leave(credentials: SignInCredentials): Promise<Result<true>>
  listHistory(token: string): Promise<Result<ListedHistory>>
  readVersions(token: string, entryId: string): Promise<Result<EntryVersions>>
  restoreVersion(token: string, version: number): Promise<Result<true>>
  forgetHistory(token: string): Promise<Result<true>>
  /** Returns a file of the page, or the page itself, as the server has it now. */
  readFile(name: string): Promise<Result<string>>
}

interface Question<Value> {
  readonly path: string
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  readonly parse: (body: unknown) => Value | null
}

/** How long a server may be silent before it counts as gone, in milliseconds. */
const usualTimeout = 30_000

export function connectToServer(fetch: Fetch, timeout = usualTimeout): ServerApi {
  async function send(question: Omit<Question<unknown>, 'parse'>): Promise<WholeAnswer | null> {
    const { path, method = 'GET', headers = {}, body } = question
    const init: RequestInit = {
      ...({ method, cache: 'no-store', credentials: 'omit', redirect: 'error' } as const),
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }
    return exchange({ fetch, address: `../${path}`, init, timeout })
  }

  async function ask<Value>(question: Question<Value>): Promise<Result<Value>> {
    const answer = await send(question)
    if (answer === null) return { ok: false, failure: { kind: 'offline' } }
    const body = parseJson(answer.text)
    if (!answer.ok) return { ok: false, failure: failureOf(answer, body) }
    const value = question.parse(body)
    return value === null ? { ok: false, failure: { kind: 'unexpected' } } : { ok: true, value }
  }

  return {
    signIn: (credentials) => ask({ path: 'login', headers: basic(credentials), parse: parseToken }),
    signUp: ({ id, email, masterPasswordHash, hint }) =>
      ask({
        ...{ path: 'users', method: 'POST', parse: isAnswer },
        body: { id, email, hint, master_password_hash: masterPasswordHash },
      }),
    async readVault(token, knownState) {
      const known = knownState === null ? {} : { 'if-none-match': `W/"${knownState}"` }
      const headers = { ...withToken(token), ...known }
      const read = await ask({ path: 'account/vault', headers, parse: parseWireVault })
      const isUnchanged = !read.ok && read.failure.kind === 'refused' && read.failure.status === 304
      return isUnchanged ? { ok: true, value: null } : read
    },
    writeVault: (token, changes) =>
      ask({
        ...{ path: 'account/vault', method: 'POST', headers: withToken(token), body: changes },
        parse: parseWritten,
      }),
    listDevices: (token) =>
      ask({ path: 'account/devices', headers: withToken(token), parse: parseDevices }),
    endSessions: (token) =>
      ask({
        ...{ path: 'account/sessions', method: 'DELETE', headers: withToken(token) },
        parse: parseToken,
      }),
    changeMasterPassword: (credentials, vault) =>
      ask({
        ...{ path: 'account/master-password', method: 'PUT', headers: basic(credentials) },
        ...{ body: vault, parse: parseRekeyed },
      }),
    leave: (credentials) =>
      ask({ path: 'account', method: 'DELETE', headers: basic(credentials), parse: isAnswer }),
    listHistory: (token) =>
      ask({ path: 'account/history', headers: withToken(token), parse: parseHistory }),
    readVersions: (token, entryId) =>
      ask({
        ...{ path: `account/history/${encodeURIComponent(entryId)}`, headers: withToken(token) },
        parse: parseVersions,
      }),
    restoreVersion: (token, version) =>
      ask({
        ...{ path: `account/history/${version}/restore`, method: 'POST' },
        ...{ headers: withToken(token), parse: isAnswer },
      }),
    forgetHistory: (token) =>
      ask({
        ...{ path: 'account/history', method: 'DELETE' },
        ...{ headers: withToken(token), parse: isAnswer },
      }),
    async readFile(name) {
      const answer = await send({ path: `vault/${name}` })
      if (answer === null) return { ok: false, failure: { kind: 'offline' } }
      if (!answer.ok) return { ok: false, failure: failureOf(answer, null) }
      return { ok: true, value: answer.text }
    },
  }
}

/** Returns null for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function isAnswer(body: unknown): true | null {
  return typeof body === 'object' && body !== null ? true : null
}

function withToken(token: string): Readonly<Record<string, string>> {
  return { 'x-access-token': token }
}

function basic({ email, masterPasswordHash }: SignInCredentials): Readonly<Record<string, string>> {
  const credentials = encodeBase64(encodeUtf8(`${email}:${masterPasswordHash}`))
  return { authorization: `Basic ${credentials}` }
}

function failureOf({ status, headers }: WholeAnswer, body: unknown): Failure {
  const present = status === 412 ? parseWireEntries(body) : null
  if (present !== null) return { kind: 'outdated', present }
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  const retryAfter = Number.isNaN(seconds) ? null : seconds
  return { kind: 'refused', status, retryAfter, detail: detailOf(body) }
}

/** Returns the error text of an answer in the shape of the wire contract. */
function detailOf(body: unknown): string {
  const isAbout = typeof body === 'object' && body !== null && 'message' in body
  const message = isAbout ? body.message : null
  const isError = typeof message === 'object' && message !== null && 'error' in message
  return isError && typeof message.error === 'string' ? message.error : ''
}
