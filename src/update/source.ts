import { createReadStream, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { DomainError, errorMessage, errorMessageWithCauses } from '../domain/errors'
import { type MonotonicClock, type Wait, withTimeout } from '../domain/runtime'
import { sanitizeLine } from '../domain/text'
import { unusualFileKind } from '../files/file-kind'
import { isThisMachine, type ReleasePlace } from './place'

/** One file of a release while it is read. */
interface OpenFile {
  /** Its size in bytes as its source says; null if it does not say. */
  readonly size: number | null
  readonly chunks: AsyncIterable<Uint8Array>
}

/** A place from which the files of one release are read. Nothing that it answers is trusted. */
export interface ReleaseSource {
  /** The place, for messages. */
  readonly name: string
  /** Opens a file; null if the place does not have it. Throws `unavailable`, also while it is read. */
  open(file: string): Promise<OpenFile | null>
}

export interface SourceTiming {
  readonly wait: Wait
  readonly monotonicClock: MonotonicClock
}

/** Milliseconds that a server may be silent, and that a download may take: 125 MB at 140 kbit/s. */
const silenceTimeout = 30_000
const downloadTimeout = 2 * 3600_000

const maxRedirects = 5

export function openSource(place: ReleasePlace, timing: SourceTiming): ReleaseSource {
  return place instanceof URL
    ? { name: place.href, open: (file) => openUrl(new URL(file, place), timing) }
    : { name: place, open: (file) => Promise.resolve(openLocalFile(join(place, file))) }
}

function openLocalFile(path: string): OpenFile | null {
  const stats = statsOf(path)
  if (stats === null) return null
  const kind = unusualFileKind(stats)
  if (kind !== null) throw unreadable(path, `it is ${kind}`)
  return { size: stats.size, chunks: readLocalFile(path) }
}

function statsOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null
  } catch (cause) {
    throw unreadable(path, errorMessage(cause), cause)
  }
}

async function* readLocalFile(path: string): AsyncIterable<Uint8Array> {
  try {
    yield* createReadStream(path)
  } catch (cause) {
    throw unreadable(path, errorMessage(cause), cause)
  }
}

function unreadable(path: string, reason: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', `can't read ${path}: ${reason}`, {
    hint: 'check the folder of the release, its disk and its permissions',
    cause,
  })
}

async function openUrl(url: URL, timing: SourceTiming): Promise<OpenFile | null> {
  const stop = new AbortController()
  const fail = (reason: string, cause?: unknown) => {
    stop.abort()
    return new DomainError('unavailable', `can't download ${url.href}: ${reason}`, {
      hint: 'check the address and the network, or download the release by other means and name its folder with --from',
      cause,
    })
  }
  const onTimeout = () => {
    throw fail(`nothing came for ${silenceTimeout / 1000} seconds`)
  }
  /** Awaits what comes over the network. */
  const receive = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await withTimeout({ wait: timing.wait, timeout: silenceTimeout, onTimeout }, work)
    } catch (cause) {
      throw cause instanceof DomainError ? cause : fail(reasonOf(cause), cause)
    }
  }
  const response = await receive(request(url, stop.signal))
  if (response.status === 404 || response.status === 410) {
    stop.abort()
    return null
  }
  if (response.status !== 200) throw fail(`the server answers with status ${response.status}`)
  const end = timing.monotonicClock() + downloadTimeout
  async function* chunks(): AsyncIterable<Uint8Array> {
    const reader = response.body?.getReader()
    try {
      for (;;) {
        const { value } = reader === undefined ? {} : await receive(reader.read())
        if (value === undefined) return
        if (timing.monotonicClock() > end) throw fail('it takes too long')
        yield value
      }
    } finally {
      // Also if the reader has had enough.
      stop.abort()
    }
  }
  const size = Number(response.headers.get('content-length') ?? Number.NaN)
  return { size: Number.isSafeInteger(size) ? size : null, chunks: chunks() }
}

/** Follows redirects, but none that leaves HTTPS, or that leads from another machine to this one. */
async function request(url: URL, signal: AbortSignal): Promise<Response> {
  let current = url
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await fetch(current, {
      redirect: 'manual',
      // A package is compressed, whatever a server makes of its name.
      decompress: false,
      headers: { 'user-agent': 'snailpass', 'accept-encoding': 'identity' },
      signal,
    })
    if (![301, 302, 303, 307, 308].includes(response.status)) return response
    await response.body?.cancel()
    const next = URL.parse(response.headers.get('location') ?? '', current)
    const isAllowed =
      next?.protocol === 'https:' ||
      (next !== null && isThisMachine(next) && isThisMachine(current))
    if (next === null || !isAllowed) {
      throw new Error(`it is redirected to ${next?.href ?? 'nowhere'}, which is not https`)
    }
    current = next
  }
  throw new Error(`it is redirected more than ${maxRedirects} times`)
}

function reasonOf(cause: unknown): string {
  const reason = cause instanceof Error ? errorMessageWithCauses(cause) : String(cause)
  return sanitizeLine(reason, 500)
}
