import type { Wait } from '../domain/world'
import type { Log } from '../log'

/** A certificate with those that lead to its authority, the leaf first, and the leaf's key. PEM. */
export interface CertifiedKey {
  readonly cert: string
  readonly key: string
}

/** Where a listener has its certificate from. */
export interface Certificates {
  current(): CertifiedKey
  /** Whether everybody's browser trusts it. */
  isPublic(): boolean
  /** Tells of each new one. Answers how to stop telling. */
  subscribe(take: (next: CertifiedKey) => void): () => void
}

/** Opens a server at the address of a listener. Throws what the system says. */
export type OpenServer = (options: {
  readonly port?: number
  readonly tls?: CertifiedKey
  readonly reusePort?: boolean
}) => Bun.Server<undefined>

/** How long a new certificate waits for a quiet moment, and how often one is looked for, in milliseconds. */
const patience = 60_000
const pause = 250

/**
 * Serves by HTTPS, and by each new certificate from then on. Bun can't change one in place, and a server that stops cuts
 * handshakes that are under way: the next one listens at the same port before the last one stops, in a quiet moment.
 */
export function serveCertified(
  open: OpenServer,
  deps: { certificates: Certificates; isQuiet: () => boolean; wait: Wait; log: Log },
): { readonly url: URL; stop(options?: { now: boolean }): Promise<void> } {
  const { certificates, log } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  const port = takePort(open)
  let server = open({ port, tls: certificates.current(), reusePort: true })
  let next: CertifiedKey | null = null
  let replacing: Promise<void> | null = null
  const leaving = new Set<Promise<void>>()

  async function replace(): Promise<void> {
    for (let waited = 0; waited < patience && !deps.isQuiet(); waited += pause) {
      await deps.wait(pause, signal)
    }
    const [tls, former] = [next, server]
    if (tls === null) return
    next = null
    server = open({ port, tls, reusePort: true })
    // What has reached the last one by now is taken in before it listens no more.
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    const end = former.stop().finally(() => leaving.delete(end))
    leaving.add(end)
  }

  const unsubscribe = certificates.subscribe((certificate) => {
    next = certificate
    replacing ??= replace()
      .catch((fault: unknown) => {
        if (signal.aborted) return
        log.error('a new certificate is not served: the old one is kept', fault)
      })
      .finally(() => {
        replacing = null
      })
  })

  return {
    url: server.url,
    async stop({ now } = { now: false }) {
      unsubscribe()
      stopping.abort()
      await replacing
      await server.stop(now)
      if (!now) await Promise.all(leaving)
    },
  }
}

/** The port that is served, found free of everybody else: once it is shared with our next server, it could be with theirs. */
function takePort(open: OpenServer): number {
  const probe = open({})
  const port = Number(probe.port)
  void probe.stop(true)
  return port
}
