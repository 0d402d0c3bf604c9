import type { CertificateSource, KeyPair } from '../domain/certificates'
import type { Wait } from '../domain/runtime'
import type { Log } from '../log'

/** Opens a server at the address of a listener. Throws what the system says. */
export type OpenServer = (options: {
  readonly port?: number
  readonly tls?: KeyPair
  readonly reusePort?: boolean
}) => Bun.Server<undefined>

/** How long a new certificate waits for a quiet moment, and how often one is looked for, in milliseconds. */
const quietTimeout = 60_000
const pollInterval = 250

/** How long one is waited with that could not be served, in milliseconds. */
const retryDelay = 10_000

/**
 * Serves by HTTPS, and by each new certificate from then on. Bun can't change one in place, and a server that stops cuts
 * handshakes that are under way: the next one listens at the same port before the last one stops, in a quiet moment.
 */
export function serveHttps(
  open: OpenServer,
  deps: { certificates: CertificateSource; isQuiet: () => boolean; wait: Wait; log: Log },
): { readonly url: URL; stop(options?: { now: boolean }): Promise<void> } {
  const { certificates, log } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  const port = probePort(open)
  let server = open({ port, tls: certificates.current(), reusePort: true })
  let next: KeyPair | null = null
  let replacing: Promise<void> | null = null
  const draining = new Set<Promise<void>>()

  /** Goes on until the newest one is served: a certificate that was dropped would be missed only when the old one ends. */
  async function replace(): Promise<void> {
    while (next !== null) {
      for (let waited = 0; waited < quietTimeout && !deps.isQuiet(); waited += pollInterval) {
        await deps.wait(pollInterval, signal)
      }
      const [tls, previous] = [next, server]
      try {
        server = open({ port, tls, reusePort: true })
      } catch (fault) {
        log.error('a new certificate is not served yet, and the old one is kept', fault)
        await deps.wait(retryDelay, signal)
        continue
      }
      // What has reached the last one by now is taken in before it listens no more.
      await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setImmediate(resolve))
      const end = previous.stop().finally(() => draining.delete(end))
      draining.add(end)
      // Another one may have come meanwhile.
      if (next === tls) next = null
    }
  }

  const unsubscribe = certificates.subscribe((certificate) => {
    next = certificate
    replacing ??= replace()
      .catch((fault: unknown) => {
        // A wait that the stop has ended.
        if (!signal.aborted) throw fault
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
      if (!now) await Promise.all(draining)
    },
  }
}

/** The port that is served, found free of everybody else: once it is shared with our next server, it could be with theirs. */
function probePort(open: OpenServer): number {
  const probe = open({})
  const port = Number(probe.port)
  void probe.stop(true)
  return port
}
