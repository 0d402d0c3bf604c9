/**
 * The answers with a vault or a part of it. They can be as large as a vault, and a client may take one as slowly as it likes. So
 * a large one is sent in parts, each of which is encoded once the one before has left, and holds a part of the budget for answers
 * meanwhile. It waits for that before it reads the vault; if there is none in time, the connection is closed without an answer
 * (see offline-copies.ts). It is closed too when the answer has to give way to another: a client that has not got the whole body
 * keeps its offline copy.
 *
 * A small one is sent as a whole, which is faster, and kept for the next request in the same state of the vault. While many answers
 * are under way, only tiny ones are sent as a whole.
 */

import type { AnswerBudget, HeldAnswer } from '../domain/answer-budget'
import type { AnswerCache } from '../domain/answer-cache'
import type { Awaitable } from '../domain/awaitable'
import { setNewest } from '../domain/newest-entries'
import type { Log } from '../log'
import { bytesOf, createJsonEncoder, type JsonSegment, textSegment } from './json-segments'
import { cutConnection } from './offline-copies'
import type { RequestContexts } from './request-context'
import { jsonResponse } from './responses'
import type { OpenSession } from './session'

/** A request for a vault or a part of it. */
export interface VaultDemand {
  readonly request: Request
  readonly session: OpenSession
  /** Names what is asked for, of all that an account can ask for. Null: the answer is not kept. */
  readonly resource: string | null
  /** Of the answer; 200 by default. */
  readonly status?: number
  /** Keeps answers that are at hand, perhaps this one too. Called if it is not kept, before `read`. */
  readonly keepOthers?: () => Promise<void>
  /** Reads what is to be answered. */
  readonly read: () => Promise<readonly JsonSegment[]>
}

/** Returns the answer, as a whole or in parts. Throws what `read` throws, and as `AnswerBudget.hold`. */
export type AnswerVault = (demand: VaultDemand) => Awaitable<Response>

/** Bytes of the largest answer that is sent as a whole, and kept. */
const maxWholeBytes = 1024 ** 2

/** Bytes of the largest answer that is never counted: the system takes so much from the server whatever the client does. */
const maxTinyBytes = 16 * 1024

/** Bytes of a part, at least. */
const minPartBytes = 128 * 1024

/** How many answers are known to be large. */
const maxKnown = 10_000

export function createVaultAnswers(deps: {
  budget: AnswerBudget
  cache: AnswerCache
  contexts: RequestContexts
  log: Log
}): AnswerVault {
  const { budget, cache, contexts, log } = deps
  /** Bytes of the last answer, by account and resource, if that was large; the oldest first. */
  const knownBytes = new Map<string, number>()

  function remember(key: string, bytes: number): void {
    if (bytes <= maxWholeBytes) knownBytes.delete(key)
    else setNewest(knownBytes, { key, value: bytes, max: maxKnown })
  }

  function answerWhole(
    { session, resource, status }: VaultDemand,
    segments: readonly JsonSegment[],
  ): Response {
    // Answers from a blob share its memory, however slowly they are taken.
    const answer = new Blob([createJsonEncoder(segments)(Number.POSITIVE_INFINITY) ?? ''])
    if (resource !== null && budget.hasRoom(answer.size)) cache.keep(session.user, resource, answer)
    return jsonResponse(answer, status)
  }

  /**
   * Returns the answer; or its bytes, if these are more than was expected and do not fit now. Many clients must not hold their
   * vaults while they wait, so it has to be read again.
   */
  async function tryAnswer(
    demand: VaultDemand,
    { key, expectedBytes }: { key: string; expectedBytes: number },
  ): Promise<Response | number> {
    const { request, session, read } = demand
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
      const segments = await read()
      const bytes = bytesOf(segments)
      remember(key, bytes)
      if (bytes <= (isCrowded() ? maxTinyBytes : maxWholeBytes))
        return answerWhole(demand, segments)
      if (bytes > expectedBytes) {
        release()
        held = budget.tryHold({ account, bytes, giveWay })
        if (held === null) return bytes
      }
      isSent = true
      const encodeNext = createJsonEncoder(segments)
      const next = () => {
        const text = encodeNext(minPartBytes)
        if (text === null) return null
        const part = Buffer.from(text)
        held?.free(part.length)
        return part
      }
      return sending.start(next, release, demand.status)
    } finally {
      if (!isSent) release()
    }
  }

  async function readAndAnswer(demand: VaultDemand): Promise<Response> {
    const key = `${demand.session.user.id} ${demand.resource ?? ''}`
    for (let expectedBytes = knownBytes.get(key) ?? 0; ; ) {
      const answer = await tryAnswer(demand, { key, expectedBytes })
      if (typeof answer !== 'number') return answer
      expectedBytes = answer
    }
  }

  /** Returns the answer if it is kept, otherwise null. */
  function answerKept(demand: VaultDemand): Awaitable<Response> | null {
    const { request, session, resource } = demand
    const kept = resource === null ? null : cache.find(session.user, resource)
    if (kept === null) return null
    if (kept.size <= maxTinyBytes || !contexts.get(request).isCrowded()) return jsonResponse(kept)
    // It has to be counted, and need not be read.
    return readAndAnswer({ ...demand, read: async () => [textSegment(await kept.text())] })
  }

  async function keepAndAnswer(
    demand: VaultDemand,
    keepOthers: () => Promise<void>,
  ): Promise<Response> {
    await keepOthers()
    return await (answerKept(demand) ?? readAndAnswer(demand))
  }

  return (demand) => {
    const { keepOthers } = demand
    const kept = answerKept(demand)
    if (kept !== null) return kept
    return keepOthers === undefined ? readAndAnswer(demand) : keepAndAnswer(demand, keepOthers)
  }
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
    start(next: () => Uint8Array | null, onEnd: () => void, status?: number): Response {
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
      return jsonResponse(body, status)
    },
  }
}
