/**
 * Certificates for HTTPS: their sources (files of the operator, the local certificate authority, ACME), and what is read
 * from them. This file watches certificate files for changes.
 */
import { stat } from 'node:fs/promises'
import { startLoop } from '../background'
import type { Wait } from '../domain/runtime'
import type { Log } from '../log'

/**
 * Returns a text that changes whenever one of the files does: when it is written, replaced, or reached by a link that now
 * points elsewhere. Callers poll it. Notifications of the operating system would be for the old file, would miss the links
 * that certbot and Kubernetes swap, and would not report changes by other machines. A call takes some microseconds.
 */
export async function fileStateOf(paths: readonly string[]): Promise<string> {
  const parts = await Promise.all(
    paths.map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
        return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
      } catch {
        // Reading the file reports what is wrong with it.
        return 'missing'
      }
    }),
  )
  return parts.join('\n')
}

/**
 * Calls `check` every `pollInterval` milliseconds until it is stopped, and at once, with true, when `checkNow` is called. A
 * failure is logged at error, and the next check follows. The failure lasts, and is not logged again, until a check returns
 * true; false means that there was nothing to check. `name` says in the log what failed.
 */
export function startWatching(
  options: {
    readonly name: string
    readonly pollInterval: number
    readonly wait: Wait
    readonly log: Log
  },
  check: (isAsked: boolean) => Promise<boolean>,
): { checkNow(): void; stop(): Promise<void> } {
  const { pollInterval, ...loopOptions } = options
  let failure: unknown = null
  let isAsked = false
  const loop = startLoop(
    {
      ...loopOptions,
      initialDelay: pollInterval,
      retryDelay: pollInterval,
      expectedLevel: 'error',
    },
    async () => {
      const wasAsked = isAsked
      isAsked = false
      try {
        if (await check(wasAsked)) failure = null
      } catch (error) {
        failure = error
      }
      if (failure !== null) throw failure
      return pollInterval
    },
  )
  return {
    checkNow() {
      isAsked = true
      loop.wake()
    },
    stop: async () => void (await loop.stop()),
  }
}
