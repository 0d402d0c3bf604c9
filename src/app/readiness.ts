import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { type Endpoint, formatListenAddress, ownAddressOf } from '../config/listen-address'
import { DomainError, reasonOf } from '../domain/errors'
import { memberOf } from '../domain/member'
import { inOneLine } from '../domain/text'

/** What a server says of itself. Its texts are from outside: they may hold anything but a line's end. */
export interface Answer {
  /** Null when it is ready. */
  readonly problem: string | null
  readonly warnings: readonly string[]
}

/** How a server is asked. */
export interface Question {
  readonly url: URL
  /** The Unix socket that it goes through; null for none. */
  readonly socket: string | null
}

/** How to ask the server that listens there. Throws `invalid` for a port that only the system knows. */
export function readinessQuestion({ address, isTls }: Endpoint): Question {
  const scheme = isTls ? 'https' : 'http'
  if ('path' in address) {
    return { url: new URL(`${scheme}://localhost/readyz`), socket: address.path }
  }
  if (address.port === 0) {
    throw new DomainError(
      'invalid',
      'a server on port 0 takes a free one, which only its log knows',
      {
        hint: 'name the address that it got, as in --listen 127.0.0.1:5000',
      },
    )
  }
  const host = formatListenAddress(ownAddressOf(address))
  return { url: new URL('/readyz', `${scheme}://${host}`), socket: null }
}

/** Asks a server whether it is ready, for as long as the signal lets it. Nothing that it answers is trusted. */
export async function askReadiness(question: Question, signal: AbortSignal): Promise<Answer> {
  try {
    const { status, text } = await get(question, signal)
    return parseAnswer(status, text)
  } catch (error) {
    const reason = signal.aborted ? 'it took too long' : reasonOf(error)
    return {
      problem: `no answer from ${question.url.href}: ${inOneLine(reason, longestReason)}`,
      warnings: [],
    }
  }
}

/** More than this, in bytes, is no answer of ours. */
const mostBytes = 64 * 1024

/** In characters. */
const longestReason = 1_000

/** Not `fetch`, which would ask the proxy of the environment for this very machine. */
async function get(
  { url, socket }: Question,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestTls : requestPlain
    const options = {
      agent: false,
      signal,
      // It is asked by an address that its certificate need not have, and told nothing.
      rejectUnauthorized: false,
      ...(socket !== null && { socketPath: socket }),
    } as const
    request(url, options, resolve).on('error', reject).end()
  })
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response) {
    chunks.push(chunk)
    length += chunk.length
    if (length > mostBytes) throw new Error('it is too long')
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }
}

function parseAnswer(status: number, text: string): Answer {
  const body = parseJson(text)
  if (status === 200 && memberOf(body, 'status') === 'ready') {
    return { problem: null, warnings: warningsOf(memberOf(body, 'warnings')) }
  }
  const reason = memberOf(memberOf(body, 'message'), 'error')
  const problem =
    status === 503 && typeof reason === 'string'
      ? inOneLine(reason.replace(/^Service Unavailable\. /, ''), longestReason)
      : `what answers there is no SnailPass server: status ${status}`
  return { problem, warnings: [] }
}

/** Each warning as `kind: detail`, or as its kind alone. */
function warningsOf(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((entry: unknown) => {
    const [kind, detail] = [memberOf(entry, 'kind'), memberOf(entry, 'detail')]
    if (typeof kind !== 'string') return []
    return [inOneLine(typeof detail === 'string' ? `${kind}: ${detail}` : kind, longestReason)]
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
