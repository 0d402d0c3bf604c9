import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTokens } from '../../src/crypto/tokens'

/** One line of cases.jsonl. */
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

/** What a server answered to a case. */
interface Answer {
  readonly response: Response
  readonly text: string
}

/**
 * Sends every case in order, with the tokens that the logins among them gave, and hands each answer on.
 * `secretKey` is the server's, for the tokens that no login gives.
 */
export async function replay(
  origin: URL,
  secretKey: string,
  each: (contractCase: ContractCase, answer: Answer) => void,
): Promise<void> {
  const tokens = new Map<string, string>()
  for (const contractCase of contractCases()) {
    const response = await fetch(requestOf(contractCase, origin, tokens))
    const text = await response.text()
    each(contractCase, { response, text })
    const login = /^login (alice|bob)$/.exec(contractCase.name)?.[1]
    if (login === undefined) continue
    const token = String(JSON.parse(text).token)
    tokens.set(login, token)
    if (login === 'alice') await forgeTokens(tokens, token, secretKey)
  }
}

/** What an answer says of all that its case expects, to be compared with `case.expect`. */
export function observed({ expect }: ContractCase, { response, text }: Answer): unknown {
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

/** The tokens that no login gives: of this server but too old, of another key, of none. */
async function forgeTokens(
  tokens: Map<string, string>,
  real: string,
  secretKey: string,
): Promise<void> {
  const payload = real.split('.')[1] ?? ''
  const { sub, epoch } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const issue = (key: string, clock: () => number) =>
    createTokens(new TextEncoder().encode(key), clock).issue(
      { purpose: 'session', userId: String(sub), epoch: String(epoch) },
      600,
    )
  tokens.set('expired', await issue(secretKey, () => Date.now() - 3_600_000))
  tokens.set('other-key', await issue('another key altogether', Date.now))
  const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url')
  tokens.set('alg-none', `${none}.${payload}.`)
}

/** The request of a case, its placeholders replaced by these tokens. */
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

/** The value with each part that fits its placeholder in `expected` replaced by it, so that equals can be compared. */
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
