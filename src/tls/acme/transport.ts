import { errorMessageWithCauses } from '../../domain/errors'
import type { Clock } from '../../domain/runtime'
import { AcmeFault, unexpectedResponse } from './fault'

/** An answer of an authority, read whole. */
export interface AcmeResponse {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Milliseconds that it wants us to wait (RFC 9110, section 10.2.3); null for nothing said. */
  readonly retryAfter: number | null
  /** The text as JSON; undefined where it is none. */
  json(): unknown
}

export interface AcmeTransport {
  /** Throws AcmeFault when there is no answer, and what the signal says when it ends the wait. */
  send(url: string, request: { method: string; body?: string }): Promise<AcmeResponse>
}

/** How long an authority may take to answer, in milliseconds. Of the network, so that no test's own time ends it. */
const responseTimeout = 30_000

/** Chains have a few KB; more than this, in bytes, is no answer of an authority. */
const maxBytes = 256 * 1024

/** The longest wait that is believed, in milliseconds: a renewal must not wait for ever. */
const maxRetryAfter = 7 * 24 * 3600_000

/** Speaks HTTPS with an authority. `ca`, PEM, is whom to trust with its own certificate; null for those whom everybody trusts. */
export function createAcmeTransport(deps: {
  readonly ca: string | null
  readonly version: string
  readonly clock: Clock
  readonly signal: AbortSignal
}): AcmeTransport {
  const { ca, clock, signal } = deps
  return {
    async send(url, { method, body }) {
      // `fetch` would read files and ask whoever else an authority names.
      if (!/^https:/i.test(url)) throw unexpectedResponse(`it names ${url}`)
      try {
        const response = await fetch(url, {
          method,
          ...(body !== undefined && { body }),
          headers: {
            // Wanted of clients (RFC 8555, section 6.1).
            'user-agent': `snailpass/${deps.version}`,
            'accept-language': 'en',
            ...(body !== undefined && { 'content-type': 'application/jose+json' }),
          },
          redirect: 'error',
          signal: AbortSignal.any([signal, AbortSignal.timeout(responseTimeout)]),
          ...(ca !== null && { tls: { ca } }),
        })
        const text = await readBounded(response)
        return {
          status: response.status,
          headers: response.headers,
          text,
          retryAfter: parseRetryAfter(response.headers.get('retry-after'), clock()),
          json: () => parseJson(text),
        }
      } catch (cause) {
        if (signal.aborted) throw signal.reason
        throw unreachable(url, cause)
      }
    },
  }
}

function unreachable(url: string, cause: unknown): AcmeFault {
  const { host } = new URL(url)
  const reason = cause instanceof Error ? errorMessageWithCauses(cause) : String(cause)
  return new AcmeFault(`the authority at ${host} can't be reached: ${reason}`, {
    hint: 'see that this machine reaches the internet, that its clock is right, and what SNAILPASS_ACME_DIRECTORY says; an authority whose own certificate is private needs SNAILPASS_ACME_CA',
    cause,
  })
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > maxBytes) throw new Error(`its answer is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Seconds, or a date. Milliseconds from `now` on. */
function parseRetryAfter(text: string | null, now: number): number | null {
  if (text === null) return null
  const milliseconds = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  if (Number.isNaN(milliseconds)) return null
  return Math.min(Math.max(milliseconds, 0), maxRetryAfter)
}
