import { errorMessageWithCauses } from '../../domain/errors'
import type { Clock } from '../../domain/runtime'
import { parseJson } from '../../domain/untrusted'
import { AcmeFault, unexpectedResponse } from './fault'

/** A response of a CA with its whole body. */
export interface AcmeResponse {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Milliseconds that the CA asks us to wait (RFC 9110, section 10.2.3); null if it does not ask. */
  readonly retryAfter: number | null
  /** Returns the text parsed as JSON, undefined if it is not JSON. */
  json(): unknown
}

export interface AcmeTransport {
  /** Throws AcmeFault if there is no response, or the reason of the signal. */
  send(url: string, request: { method: string; body?: string }): Promise<AcmeResponse>
}

/** Milliseconds that a CA may take to respond, in real time: the clock of a test does not end a request. */
const responseTimeout = 30_000

/** Limit in bytes for a response. Certificate chains have a few KB. */
const maxBytes = 256 * 1024

/** Limit in milliseconds for the wait that a CA asks for, so that renewal is not postponed forever. */
const maxRetryAfter = 7 * 24 * 3600_000

/** Returns a transport over HTTPS. `ca` is a CA bundle (PEM) for the directory's own certificate; null for the system's CAs. */
export function createAcmeTransport(deps: {
  readonly ca: string | null
  readonly version: string
  readonly clock: Clock
  readonly signal: AbortSignal
}): AcmeTransport {
  const { ca, clock, signal } = deps
  return {
    async send(url, { method, body }) {
      // A CA chooses the URLs, and `fetch` would also read files.
      if (!/^https:/i.test(url)) throw unexpectedResponse(`it contains the URL ${url}`)
      try {
        const response = await fetch(url, {
          method,
          ...(body !== undefined && { body }),
          headers: {
            // Required by RFC 8555, section 6.1.
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
  return new AcmeFault(`can't reach the certificate authority at ${host}: ${reason}`, {
    hint: "check this machine's internet connection, its clock, and SNAILPASS_ACME_DIRECTORY; for a private certificate authority, set SNAILPASS_ACME_CA",
    cause,
  })
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > maxBytes) throw new Error(`the response is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Parses seconds or a date. Returns milliseconds after `now`, null for other texts. */
function parseRetryAfter(text: string | null, now: number): number | null {
  if (text === null) return null
  const milliseconds = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  if (Number.isNaN(milliseconds)) return null
  return Math.min(Math.max(milliseconds, 0), maxRetryAfter)
}
