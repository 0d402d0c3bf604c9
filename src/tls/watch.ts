import { stat } from 'node:fs/promises'
import { DomainError, errorMessage } from '../domain/errors'
import type { Wait } from '../domain/runtime'
import type { Log } from '../log'

/**
 * Something that changes when one of these files does: written, replaced, or behind a link that leads elsewhere now. Asked
 * for again and again instead of the system's notices: those are of the file that was there, miss the swaps of links that
 * certbot and Kubernetes make, and do not come from other machines. A look takes some microseconds.
 */
export async function fileStateOf(paths: readonly string[]): Promise<string> {
  const parts = await Promise.all(
    paths.map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
        return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
      } catch {
        // What is wrong with it is told by whoever reads it.
        return 'not there'
      }
    }),
  )
  return parts.join('\n')
}

/**
 * Looks again and again until it is stopped. What keeps a look from its end is in the log at error, once until another one
 * is not, and the next one comes all the same. `look` answers whether there was anything to look at.
 */
export function startWatching(
  {
    pollInterval,
    wait,
    log,
  }: { readonly pollInterval: number; readonly wait: Wait; readonly log: Log },
  check: () => Promise<boolean>,
): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  let reported: string | null = null
  const running = (async () => {
    for (;;) {
      // Rejects when the server stops.
      await wait(pollInterval, signal).catch(() => {})
      if (signal.aborted) return
      try {
        if (await check()) reported = null
      } catch (error) {
        const reason = errorMessage(error)
        if (reason === reported) continue
        reported = reason
        if (error instanceof DomainError) {
          log.error(`the certificate is kept as it is: ${reason}`, undefined, {
            hint: error.hint ?? '',
          })
        } else {
          // A bug of ours must not keep everybody from the next certificate for good.
          log.error('the certificate is kept as it is', error)
        }
      }
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}
