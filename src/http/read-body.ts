import type { Wait } from '../domain/runtime'
import { HttpError, malformedBody, missingParameter, tooLarge } from './http-error'

/** Reads the JSON body of a request. Throws a WireRefusal. */
export type ReadJsonBody = (request: Request) => Promise<unknown>

const decoder = new TextDecoder('utf-8', { fatal: true })

/** `application/json` and its kin (RFC 6839), whatever the case and the parameters. */
const jsonType = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i

/**
 * How long a body may take, in milliseconds: the largest one comes in time over a slow line. Whoever sends a byte now and
 * then would hold a connection for good, for it is never idle.
 */
const bodyTimeout = 60_000

export function createJsonReader({
  maxBytes,
  wait,
}: {
  maxBytes: number
  wait: Wait
}): ReadJsonBody {
  return async (request) => {
    if (!jsonType.test(request.headers.get('content-type') ?? '')) {
      throw malformedBody('The Content-Type must be application/json')
    }
    const bytes = await withTimeout(readBytes(request, maxBytes), wait)
    if (bytes.length === 0) throw malformedBody('The body is empty')
    try {
      return JSON.parse(decoder.decode(bytes)) as unknown
    } catch {
      // The parser's own message repeats what was sent, so it goes nowhere.
      throw malformedBody('The body is not valid JSON in UTF-8')
    }
  }
}

async function withTimeout<T>(reading: Promise<T>, wait: Wait): Promise<T> {
  const timer = new AbortController()
  const late = wait(bodyTimeout, timer.signal).then(
    () => {
      // Closed, so that nothing more of it comes.
      const headers = { connection: 'close' }
      throw new HttpError(408, 'Request Timeout', 'The body took too long', headers)
    },
    // Read in time.
    () => reading,
  )
  try {
    return await Promise.race([reading, late])
  } finally {
    timer.abort()
    late.catch(() => {})
    reading.catch(() => {})
  }
}

/** Refuses a body by its announced length, before a byte of it is read. Throws a WireRefusal. */
export function checkContentLength(request: Request, maxBytes: number): void {
  const announced = request.headers.get('content-length')
  if (announced !== null && Number(announced) > maxBytes) throw tooLarge(maxBytes)
}

/** A body without an announced length is counted while it comes, and left where it is once it is too large. */
async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  try {
    if (request.headers.has('content-length')) return await request.bytes()
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of request.body ?? []) {
      length += chunk.length
      if (length > maxBytes) throw tooLarge(maxBytes)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch (error) {
    if (error instanceof HttpError) throw error
    // The client went away, or the server is stopping: nobody's fault, and nobody hears the answer.
    throw malformedBody('The body ended early')
  }
}

/** The parameter `id` of a request; of a repeated one, the first (contract). Throws a WireRefusal when it is missing or empty. */
export function parseIdParameter(request: Request, noun: string): string {
  const id = new URL(request.url).searchParams.get('id')
  if (id === null || id === '') throw missingParameter(`${noun} id is missing in URI arguments`)
  return id
}
