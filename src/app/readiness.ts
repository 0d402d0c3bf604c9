import { type IncomingMessage, request } from 'node:http'
import { formatListenAddress, type ListenAddress } from '../config/listen-address'
import { DomainError, reasonOf } from '../domain/errors'
import { memberOf } from '../domain/member'

/** What a server says of itself. Its texts are from outside: they may hold anything but a line's end. */
export interface Answer {
  /** Null when it is ready. */
  readonly problem: string | null
  readonly warnings: readonly string[]
}

/** Where to ask the server that listens there. Throws `invalid` for a port that only the system knows. */
export function readinessUrl({ hostname, port }: ListenAddress): URL {
  if (port === 0) {
    throw new DomainError(
      'invalid',
      'a server on port 0 takes a free one, which only its log knows',
      {
        hint: 'name the address that it got, as in --listen 127.0.0.1:5000',
      },
    )
  }
  const here = { '0.0.0.0': '127.0.0.1', '::': '::1' }[hostname] ?? hostname
  return new URL('/readyz', `http://${formatListenAddress({ hostname: here, port })}`)
}

/** Asks a server whether it is ready, for as long as the signal lets it. Nothing that it answers is trusted. */
export async function askReadiness(url: URL, signal: AbortSignal): Promise<Answer> {
  try {
    const { status, text } = await get(url, signal)
    return parseAnswer(status, text)
  } catch (error) {
    const reason = signal.aborted ? 'it took too long' : reasonOf(error)
    return { problem: `no answer from ${url.href}: ${oneLine(reason)}`, warnings: [] }
  }
}

/** More than this, in bytes, is no answer of ours. */
const mostBytes = 64 * 1024

/** Not `fetch`, which would ask the proxy of the environment for this very machine. */
async function get(url: URL, signal: AbortSignal): Promise<{ status: number; text: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { agent: false, signal }, resolve).on('error', reject).end()
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
      ? oneLine(reason.replace(/^Service Unavailable\. /, ''))
      : `what answers there is no SnailPass server: status ${status}`
  return { problem, warnings: [] }
}

/** Each warning as `kind: detail`, or as its kind alone. */
function warningsOf(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((entry: unknown) => {
    const [kind, detail] = [memberOf(entry, 'kind'), memberOf(entry, 'detail')]
    if (typeof kind !== 'string') return []
    return [oneLine(typeof detail === 'string' ? `${kind}: ${detail}` : kind)]
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** What others chose can neither break out of its line nor steer the terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 1_000)
}
