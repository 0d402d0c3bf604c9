import type { CertificateSource, KeyPair } from '../domain/certificates'
import { pollUntil, sleep, type Wait } from '../domain/runtime'
import type { Log } from '../log'

/** Opens a server at the address of a listener. Throws the system's error if that fails. */
export type OpenServer = (options: {
  readonly port?: number
  readonly tls?: KeyPair
  readonly reusePort?: boolean
}) => Bun.Server<undefined>

/** How long a new certificate waits for a quiet moment, and how often to look for one, in milliseconds. */
const quietTimeout = 60_000
const pollInterval = 250

/** Milliseconds until the next attempt to serve a certificate after one failed. */
const retryDelay = 10_000

/**
 * Serves HTTPS, and switches to each new certificate. Bun can't replace the certificate of a running server, so a second
 * server is opened on the same port, and the first one stops. Stopping cuts TLS handshakes in progress, so the switch
 * waits for a quiet moment. Throws the system's error if the address is not available.
 */
export function serveHttps(
  open: OpenServer,
  deps: { certificates: CertificateSource; isQuiet: () => boolean; wait: Wait; log: Log },
): { readonly url: URL; stop(options?: { now: boolean }): Promise<void> } {
  const { certificates, isQuiet, wait, log } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  const port = findFreePort(open)
  let server = open({ port, tls: certificates.current(), reusePort: true })
  let next: KeyPair | null = null
  let replacing: Promise<void> | null = null
  const draining = new Set<Promise<void>>()

  /**
   * Retries until the newest certificate is served. Otherwise nobody would notice a failed switch until the old
   * certificate expires. Rejects if the server stops while it waits for a quiet moment.
   */
  async function replaceServer(): Promise<void> {
    while (next !== null && !signal.aborted) {
      const limits = { wait, timeout: quietTimeout, interval: pollInterval, signal }
      await pollUntil(limits, () => (isQuiet() ? true : null))
      const [tls, previous] = [next, server]
      try {
        server = open({ port, tls, reusePort: true })
      } catch (error) {
        log.error('the new certificate is not served yet: the old one is kept', error)
        await sleep(wait, retryDelay, signal)
        continue
      }
      // Two turns of the event loop let the previous server accept the connections that have reached it.
      await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setImmediate(resolve))
      const drained = previous.stop().finally(() => draining.delete(drained))
      draining.add(drained)
      // A newer certificate may have come in the meantime.
      if (next === tls) next = null
    }
  }

  const unsubscribe = certificates.subscribe((certificate) => {
    next = certificate
    replacing ??= replaceServer()
      .catch((error: unknown) => {
        if (!signal.aborted) throw error
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

/**
 * Returns a port that no other program listens on. It is opened without `reusePort` first: with that option, the port
 * could be shared with another program by mistake.
 */
function findFreePort(open: OpenServer): number {
  const probe = open({})
  const port = Number(probe.port)
  void probe.stop(true)
  return port
}
