import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { connectAddressOf, type Endpoint, formatListenAddress } from '../../config/listen-address'
import { DomainError, errorMessage } from '../../domain/errors'
import { sanitizeLine } from '../../domain/text'
import { ownProperty } from '../../domain/untrusted'

/** What a server says of itself. Its texts are from outside: they may hold anything but a line's end. */
export interface ReadinessReport {
  /** Null when it is ready. */
  readonly problem: string | null
  readonly warnings: readonly string[]
}

/** How a server is asked. */
export interface ReadinessRequest {
  readonly url: URL
  /** The Unix socket that it goes through; null for none. */
  readonly socket: string | null
}

/** How to ask the server that listens there. Throws `invalid` for a port that only the system knows. */
export function readinessRequest({ address, isTls }: Endpoint): ReadinessRequest {
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
  const host = formatListenAddress(connectAddressOf(address))
  return { url: new URL('/readyz', `${scheme}://${host}`), socket: null }
}

/** Asks a server whether it is ready, for as long as the signal lets it. Nothing that it answers is trusted. */
export async function fetchReadiness(
  request: ReadinessRequest,
  signal: AbortSignal,
): Promise<ReadinessReport> {
  try {
    const { status, text } = await get(request, signal)
    return parseReadiness(status, text)
  } catch (error) {
    const reason = signal.aborted ? 'it took too long' : errorMessage(error)
    return {
      problem: `no answer from ${request.url.href}: ${sanitizeLine(reason, maxReasonLength)}`,
      warnings: [],
    }
  }
}

/** More than this, in bytes, is no answer of ours. */
const maxBytes = 64 * 1024

/** In characters. */
const maxReasonLength = 1_000

/** Not `fetch`, which would ask the proxy of the environment for this very machine. */
async function get(
  { url, socket }: ReadinessRequest,
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
    if (length > maxBytes) throw new Error('it is too long')
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }
}

function parseReadiness(status: number, text: string): ReadinessReport {
  const body = parseJson(text)
  if (status === 200 && ownProperty(body, 'status') === 'ready') {
    return { problem: null, warnings: warningsOf(ownProperty(body, 'warnings')) }
  }
  const reason = ownProperty(ownProperty(body, 'message'), 'error')
  const problem =
    status === 503 && typeof reason === 'string'
      ? sanitizeLine(reason.replace(/^Service Unavailable\. /, ''), maxReasonLength)
      : `what answers there is no SnailPass server: status ${status}`
  return { problem, warnings: [] }
}

/** Each warning as `kind: detail`, or as its kind alone. */
function warningsOf(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((entry: unknown) => {
    const [kind, detail] = [ownProperty(entry, 'kind'), ownProperty(entry, 'detail')]
    if (typeof kind !== 'string') return []
    return [sanitizeLine(typeof detail === 'string' ? `${kind}: ${detail}` : kind, maxReasonLength)]
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
