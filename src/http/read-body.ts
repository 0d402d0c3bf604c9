import { type Wait, withTimeout } from '../domain/runtime'
import { parseJson } from '../domain/untrusted'
import { HttpError, malformedBody, missingParameter, tooLarge } from './http-error'

/**
 * Reads the JSON body of a request. Throws HttpError if it is too large, too slow or malformed, and what the signal aborts with.
 */
export type ReadJsonBody = (request: Request, signal?: AbortSignal) => Promise<unknown>

const decoder = new TextDecoder('utf-8', { fatal: true })

/** `application/json`, and types like `application/problem+json` (RFC 6839), in any case and with any parameters. */
const jsonType = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i

/**
 * Milliseconds in which a body must arrive: long enough for the largest one on a slow line. Without this limit, a client
 * that sends a byte now and then could keep a connection open permanently, because the connection is never idle.
 */
const bodyTimeout = 60_000

/** Bytes of a large body that must arrive in `progressTime` milliseconds, or its end. */
const [progressBytes, progressTime] = [64 * 1024, 10_000]

/** `maxBytes` is the maximum size of a body. A large one may take any time, as long as it comes on. */
export function createJsonReader({
  maxBytes,
  isLarge = false,
  wait,
}: {
  maxBytes: number
  isLarge?: boolean
  wait: Wait
}): ReadJsonBody {
  return async (request, signal) => {
    if (!jsonType.test(request.headers.get('content-type') ?? '')) {
      throw malformedBody('The Content-Type must be application/json')
    }
    const bytes = isLarge
      ? await readWithProgress(request, { maxBytes, wait })
      : await withTimeout(
          { wait, timeout: bodyTimeout, onTimeout: throwTimeout },
          untilAborted(readBytes(request, maxBytes), signal),
        )
    if (bytes.length === 0) throw malformedBody('The body is empty')
    const text = decodeUtf8(bytes)
    const body = text === null ? undefined : parseJson(text)
    if (body === undefined) throw malformedBody('The body is not valid JSON in UTF-8')
    return body
  }
}

/** Returns what `work` resolves to. Throws the reason of the signal once that aborts; late work is ignored. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return Promise.race([work, aborted])
}

async function readWithProgress(
  request: Request,
  { maxBytes, wait }: { maxBytes: number; wait: Wait },
): Promise<Uint8Array> {
  let received = 0
  const reading = readChunks(request, maxBytes, (length) => {
    received = length
  })
  for (;;) {
    const before = received
    const onTimeout = () => null
    const bytes = await withTimeout({ wait, timeout: progressTime, onTimeout }, reading)
    if (bytes !== null) return bytes
    if (received - before < progressBytes) throwTimeout()
  }
}

function throwTimeout(): never {
  // The connection is closed, so that the rest of the body does not arrive.
  const headers = { connection: 'close' }
  throw new HttpError(408, 'Request Timeout', 'The body took too long', headers)
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

/** Checks the announced length of a body before a byte of it is read. Throws HttpError if it is more than `maxBytes`. */
export function checkContentLength(request: Request, maxBytes: number): void {
  const announced = request.headers.get('content-length')
  if (announced !== null && Number(announced) > maxBytes) throw tooLarge(maxBytes)
}

/** Reads a body. One without an announced length is counted while it arrives, and reading stops at `maxBytes`. */
async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (!request.headers.has('content-length')) return await readChunks(request, maxBytes)
  return await request.bytes().catch(throwEarlyEnd)
}

/** Reads a body and counts it. `onProgress` is called with the bytes that have arrived. */
async function readChunks(
  request: Request,
  maxBytes: number,
  onProgress?: (bytes: number) => void,
): Promise<Uint8Array> {
  try {
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of request.body ?? []) {
      length += chunk.length
      if (length > maxBytes) throw tooLarge(maxBytes)
      chunks.push(chunk)
      onProgress?.(length)
    }
    return Buffer.concat(chunks)
  } catch (error) {
    if (error instanceof HttpError) throw error
    throwEarlyEnd()
  }
}

/** The client has disconnected, or the server is stopping. Neither is a bug, and the answer reaches nobody. */
function throwEarlyEnd(): never {
  throw malformedBody('The body ended early')
}

/**
 * Returns the query parameter `id`; the first one if it is repeated (wire contract). Throws HttpError if it is missing or
 * empty.
 */
export function parseIdParameter(request: Request, noun: string): string {
  const id = new URL(request.url).searchParams.get('id')
  if (id === null || id === '') throw missingParameter(`${noun} id is missing in URI arguments`)
  return id
}
