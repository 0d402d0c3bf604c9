/** The one client of `/readyz`: the `healthcheck` command, the installer and the smoke test of an upgrade all use it. */
import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { connectAddressOf, type Endpoint, formatListenAddress } from '../../config/listen-address'
import { DomainError, errorMessage } from '../../domain/errors'
import { sanitizeLine } from '../../domain/text'
import { ownProperty, parseJson } from '../../domain/untrusted'

/** What a server reports. Each text is sanitized to one line: any program may answer. */
export interface ReadinessReport {
  /** Null if the server is ready. */
  readonly problem: string | null
  /** Whether a SnailPass server answered. */
  readonly isServer: boolean
  readonly warnings: readonly string[]
}

export interface ReadinessRequest {
  readonly url: URL
  /** Path of the Unix socket to connect to; null to connect to the host of the URL. */
  readonly socket: string | null
}

/**
 * Asks the server behind a listener whether it is ready, for at most `timeout` milliseconds. A server that can't be reached
 * is a problem in the report. Throws `invalid` for port 0.
 */
export async function checkReadiness(
  endpoint: Endpoint,
  timeout: number,
): Promise<ReadinessReport> {
  return await fetchReadiness(readinessRequest(endpoint), AbortSignal.timeout(timeout))
}

/** Returns how to ask the server behind a listener. Throws `invalid` for port 0, which stands for a port chosen at the start. */
export function readinessRequest({ address, isTls }: Endpoint): ReadinessRequest {
  const scheme = isTls ? 'https' : 'http'
  if ('path' in address) {
    return { url: new URL(`${scheme}://localhost/readyz`), socket: address.path }
  }
  if (address.port === 0) {
    throw new DomainError(
      'invalid',
      'port 0 stands for a free port, and no server runs that has one',
      {
        hint: 'start the server, name its data folder with --data-dir, or use its address, as in --listen 127.0.0.1:5000',
      },
    )
  }
  const host = formatListenAddress(connectAddressOf(address))
  return { url: new URL('/readyz', `${scheme}://${host}`), socket: null }
}

/** Asks a server whether it is ready, until the signal aborts. Never rejects, and trusts nothing of the response. */
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
      isServer: false,
      warnings: [],
    }
  }
}

/** Bytes of a response. */
const maxBytes = 64 * 1024

/** Characters of a text in the report. */
const maxReasonLength = 1_000

/** Not `fetch`: that would send the request to the proxy in the environment. */
async function get(
  { url, socket }: ReadinessRequest,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestTls : requestPlain
    const options = {
      agent: false,
      signal,
      // The certificate need not be for this address, and the request contains no secret.
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
    if (length > maxBytes) throw new Error('the response is too long')
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }
}

function parseReadiness(status: number, text: string): ReadinessReport {
  const body = parseJson(text)
  if (status === 200 && ownProperty(body, 'status') === 'ready') {
    return { problem: null, isServer: true, warnings: parseWarnings(ownProperty(body, 'warnings')) }
  }
  const reason = ownProperty(ownProperty(body, 'message'), 'error')
  if (status === 503 && typeof reason === 'string') {
    const problem = sanitizeLine(reason.replace(/^Service Unavailable\. /, ''), maxReasonLength)
    return { problem, isServer: true, warnings: [] }
  }
  const problem = `this is not a SnailPass server: it answered with status ${status}`
  return { problem, isServer: false, warnings: [] }
}

/** Returns each warning as `kind: detail`, or as its kind alone. */
function parseWarnings(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((entry: unknown) => {
    const [kind, detail] = [ownProperty(entry, 'kind'), ownProperty(entry, 'detail')]
    if (typeof kind !== 'string') return []
    return [sanitizeLine(typeof detail === 'string' ? `${kind}: ${detail}` : kind, maxReasonLength)]
  })
}
