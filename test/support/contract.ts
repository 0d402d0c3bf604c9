import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestTokens } from './tokens'

/** A line of cases.jsonl: a request, and what the wire contract says of the answer. */
export interface ContractCase {
  readonly name: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: unknown
  }
  readonly expect: {
    readonly status: number
    readonly type?: string
    readonly body?: unknown
    readonly allow_includes?: readonly string[]
  }
}

function contractCases(): readonly ContractCase[] {
  const path = join(import.meta.dir, '..', 'data', 'cases.jsonl')
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ContractCase)
}

/** The answer of a server to a case. The body of `response` is read already, into `text`. */
interface ReceivedAnswer {
  readonly response: Response
  readonly text: string
}

/**
 * Sends the request of every case in order, or of the first `count`, and calls `onAnswer` with each case and its answer. Later
 * cases use the session tokens from earlier logins. Each list is asked for twice, the second time from memory if the server keeps it.
 * `secretKey` is the server's key, for the tokens that no login returns. With `isSlow`, a request is repeated while the server says
 * that it is too busy: an emulated one takes seconds for each password.
 */
export async function replay(
  {
    url,
    secretKey,
    count,
    isSlow = false,
  }: {
    url: URL
    secretKey: string
    count?: number
    isSlow?: boolean
  },
  onAnswer: (contractCase: ContractCase, answer: ReceivedAnswer) => void,
): Promise<void> {
  const tokens = new Map<string, string>()
  for (const contractCase of contractCases().slice(0, count)) {
    const send = () => fetch(requestOf(contractCase, url, tokens))
    if (isList(contractCase)) await (await send()).bytes()
    let response = await send()
    for (let repeats = 0; isSlow && response.status === 503 && repeats < 9; repeats++)
      response = await send()
    const text = await response.text()
    onAnswer(contractCase, { response, text })
    const login = /^login (alice|bob)$/.exec(contractCase.name)?.[1]
    if (login === undefined) continue
    const token = String(JSON.parse(text).token)
    tokens.set(login, token)
    if (login === 'alice') await forgeTokens(tokens, token, secretKey)
  }
}

/** Returns the parts of an answer that its case mentions, in the shape of `expect`, so that the two can be compared. */
export function observed({ expect }: ContractCase, { response, text }: ReceivedAnswer): unknown {
  const allowed = (response.headers.get('allow') ?? '').split(', ')
  const { type, body, allow_includes } = expect
  const hasBody = body !== undefined && body !== null
  return {
    status: response.status,
    ...(type !== undefined && { type: response.headers.get('content-type')?.split(';')[0] }),
    ...(body !== undefined && { body: hasBody ? withPlaceholders(JSON.parse(text), body) : null }),
    ...(allow_includes !== undefined && {
      allow_includes: allow_includes.filter((method) => allowed.includes(method)),
    }),
  }
}

function isList({ request }: ContractCase): boolean {
  return request.method === 'GET' && /^\/(records|notes|additional_fields)\b/.test(request.path)
}

/** Adds the tokens that no login returns: an expired one, one signed with another key, and an unsigned one. */
async function forgeTokens(
  tokens: Map<string, string>,
  validToken: string,
  secretKey: string,
): Promise<void> {
  const payload = validToken.split('.')[1] ?? ''
  const { sub, epoch } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const issue = (key: string, clock: () => number) =>
    createTestTokens(new TextEncoder().encode(key), clock).issue({
      purpose: 'session',
      userId: String(sub),
      epoch: String(epoch),
    })
  tokens.set('expired', await issue(secretKey, () => Date.now() - 3_600_000))
  tokens.set('other-key', await issue('another secret key', Date.now))
  const unsignedHeader = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString(
    'base64url',
  )
  tokens.set('alg-none', `${unsignedHeader}.${payload}.`)
}

/** Returns the request of a case, with the placeholders in its headers replaced by tokens. */
function requestOf(
  { request }: ContractCase,
  origin: URL,
  tokens: ReadonlyMap<string, string>,
): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    const filled = value.replaceAll(/\{\{([\w-]+)\}\}/g, (_, placeholder: string) => {
      const token = tokens.get(placeholder)
      if (token === undefined) throw new Error(`no token for ${placeholder}`)
      return token
    })
    headers.set(name, filled)
  }
  const body = bodyOf(request.body)
  if (body.isJson) headers.set('content-type', 'application/json')
  return new Request(new URL(request.path, origin), {
    method: request.method,
    headers,
    ...(body.bytes !== null && { body: body.bytes }),
  })
}

function bodyOf(body: unknown): { bytes: Uint8Array<ArrayBuffer> | null; isJson: boolean } {
  const encode = (text: string) => new TextEncoder().encode(text)
  if (body === null) return { bytes: null, isJson: false }
  if (typeof body === 'object') {
    if ('<raw>' in body) return { bytes: encode(String(body['<raw>'])), isJson: false }
    if ('<raw base64>' in body) {
      return { bytes: Uint8Array.fromBase64(String(body['<raw base64>'])), isJson: false }
    }
  }
  return { bytes: encode(JSON.stringify(body)), isJson: true }
}

const placeholders: Readonly<Record<string, RegExp>> = {
  '<token>': /^[\w-]+\.[\w-]+\.[\w-]+$/,
  '<rfc822 -0000>': /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} -0000$/,
  '<any text>': /./s,
}

/** Returns the value with every text that matches a placeholder in `expected` replaced by that placeholder. */
function withPlaceholders(value: unknown, expected: unknown): unknown {
  if (typeof value === 'string' && typeof expected === 'string') {
    return placeholders[expected]?.test(value) ? expected : value
  }
  if (Array.isArray(value) && Array.isArray(expected)) {
    return value.map((item, index) => withPlaceholders(item, expected[index]))
  }
  if (isObject(value) && isObject(expected)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, withPlaceholders(item, expected[key])]),
    )
  }
  return value
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
