/**
 * The answers to the three collection GETs. They can be as large as a vault, and a client may take one as slowly as it likes. So
 * a large one is sent in parts, each of which is encoded once the one before has left, and holds a part of the budget for answers
 * meanwhile. It waits for that before it reads the vault; if there is none in time, the connection is closed without an answer
 * (see offline-copies.ts). It is closed too when the answer has to give way to another: a client that has not got the whole body
 * keeps its offline copy.
 *
 * A small one is sent as a whole, which is faster. While many answers are under way, that is only for tiny ones.
 */
import type { AnswerBudget, HeldAnswer } from '../domain/answer-budget'
import { setNewest } from '../domain/newest-entries'
import type { Session } from '../domain/sessions'
import type { Log } from '../log'
import { cutConnection } from './offline-copies'
import type { RequestContexts } from './request-context'

export interface List<Row> {
  readonly request: Request
  readonly session: Session
  readonly read: () => Promise<readonly Row[]>
  /** Returns how many bytes a row takes in the answer, roughly. */
  readonly sizeOf: (row: Row) => number
  readonly toBody: (row: Row) => unknown
}

/**
 * Returns a list as a whole, or the answer that sends it in parts; null if it is empty. Throws what `read` throws, and as
 * `AnswerBudget.hold`.
 */
export type AnswerList = <Row>(list: List<Row>) => Promise<readonly unknown[] | Response | null>

/** Bytes of the largest list that is sent as a whole. */
const maxWholeBytes = 1024 ** 2

/** Bytes of the largest list that is never counted: the system takes so much from the server whatever the client does. */
const maxTinyBytes = 16 * 1024

/** Bytes of a part, at least. */
const minPartBytes = 128 * 1024

/** How many lists are known to be large. */
const maxKnown = 10_000

export function createListAnswers(deps: {
  budget: AnswerBudget
  contexts: RequestContexts
  log: Log
}): AnswerList {
  const { budget, contexts, log } = deps
  /** Bytes of the last answer, by account and route, if that was large; the oldest first. */
  const knownBytes = new Map<string, number>()

  function remember(key: string, bytes: number): void {
    if (bytes <= maxWholeBytes) knownBytes.delete(key)
    else setNewest(knownBytes, { key, value: bytes, max: maxKnown })
  }

  /**
   * Returns the answer; or the bytes of the list, if these are more than was expected and do not fit now. Many clients must not
   * hold their lists while they wait, so it has to be read again.
   */
  async function tryAnswer<Row>(
    { request, session, read, sizeOf, toBody }: List<Row>,
    { key, expectedBytes }: { key: string; expectedBytes: number },
  ): Promise<readonly unknown[] | Response | null | number> {
    const { route, isCrowded } = contexts.get(request)
    const account = session.user.id
    const sending = createSending()
    function giveWay(): void {
      const details = { route: route ?? '-', user: account }
      log.warn('an answer to a slow client is cut, since others need the memory', details)
      sending.abort()
    }
    let held: HeldAnswer | null = null
    const release = () => held?.release()
    let isSent = false
    try {
      if (expectedBytes > 0) {
        const bounds = session.request
        held = await budget.hold({ account, bytes: expectedBytes, giveWay, bounds })
      }
      const rows = await read()
      if (rows.length === 0) return null
      const { bytes, parts } = splitRows(rows, sizeOf)
      remember(key, bytes)
      if (bytes <= (isCrowded ? maxTinyBytes : maxWholeBytes)) return rows.map(toBody)
      if (bytes > expectedBytes) {
        release()
        held = budget.tryHold({ account, bytes, giveWay })
        if (held === null) return bytes
      }
      isSent = true
      const next = () => {
        const part = encodeNext(parts, toBody)
        if (part !== null) held?.free(part.length)
        return part
      }
      return sending.start(next, release)
    } finally {
      if (!isSent) release()
    }
  }

  return async (list) => {
    const key = `${list.session.user.id} ${contexts.get(list.request).route}`
    for (let expectedBytes = knownBytes.get(key) ?? 0; ; ) {
      const answer = await tryAnswer(list, { key, expectedBytes })
      if (typeof answer !== 'number') return answer
      expectedBytes = answer
    }
  }
}

/** A list that is being sent: the parts that are left, the last one first, so that each is forgotten once it is encoded. */
interface Parts<Row> {
  readonly left: (readonly Row[])[]
  isFirst: boolean
}

function splitRows<Row>(
  rows: readonly Row[],
  sizeOf: (row: Row) => number,
): { bytes: number; parts: Parts<Row> } {
  const parts: Row[][] = []
  let part: Row[] = []
  let [bytes, partBytes] = [0, minPartBytes]
  for (const row of rows) {
    if (partBytes >= minPartBytes) {
      part = []
      parts.push(part)
      partBytes = 0
    }
    part.push(row)
    const size = sizeOf(row)
    partBytes += size
    bytes += size
  }
  return { bytes, parts: { left: parts.reverse(), isFirst: true } }
}

/** Returns the JSON of the next part: a piece of one array over all parts. Returns null at the end. */
function encodeNext<Row>(parts: Parts<Row>, toBody: (row: Row) => unknown): Uint8Array | null {
  const part = parts.left.pop()
  if (part === undefined) return null
  const json = Buffer.from(JSON.stringify(part.map(toBody)))
  if (!parts.isFirst) json[0] = 0x2c // A comma.
  parts.isFirst = false
  return parts.left.length === 0 ? json : json.subarray(0, -1)
}

/** An answer in parts, which the client takes as fast as it likes. */
function createSending() {
  let stop: (() => void) | null = null
  let isAborted = false
  return {
    /** Closes the connection, so that the client sees that the answer is not complete. */
    abort(): void {
      isAborted = true
      stop?.()
    },

    /** `next` returns null at the end. `onEnd` is called when all parts have left, or the client is gone. */
    start(next: () => Uint8Array | null, onEnd: () => void): Response {
      if (isAborted) return cutConnection()
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          // The error is empty, because Bun prints it.
          stop = () => controller.error()
        },
        pull(controller) {
          const part = next()
          if (part !== null) return controller.enqueue(part)
          controller.close()
          onEnd()
        },
        cancel: onEnd,
      })
      return new Response(body, { headers: { 'content-type': 'application/json;charset=utf-8' } })
    },
  }
}
