import { expect, setDefaultTimeout, test } from 'bun:test'
import type { KeyPair } from '../../src/domain/certificates'
import { type OpenServer, serveHttps } from '../../src/http/https-server'
import { createLog } from '../../src/log'
import { until } from '../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

const certificate = (name: string): KeyPair => ({ cert: name, key: name })

/**
 * Serves certificates with servers that do without TLS: tests look only at which certificates are served, and at the waits
 * between. Opening a server with a new certificate fails `failures` times.
 */
function serveFakeCertificates({
  failures = 0,
  isQuiet = () => true,
}: {
  failures?: number
  isQuiet?: () => boolean
} = {}) {
  const served: string[] = []
  const waits: number[] = []
  const lines: string[] = []
  let [failuresLeft, isFirst] = [failures, true]
  const open: OpenServer = ({ tls }) => {
    if (tls !== undefined && !isFirst && failuresLeft-- > 0) throw new Error('EMFILE')
    if (tls !== undefined) {
      isFirst = false
      served.push(tls.cert)
    }
    return Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  }
  let notify: (next: KeyPair) => void = () => {}
  const { stop } = serveHttps(open, {
    certificates: {
      current: () => certificate('first'),
      isPubliclyTrusted: () => false,
      subscribe(subscriber) {
        notify = subscriber
        return () => {}
      },
    },
    isQuiet,
    wait: (milliseconds) => {
      waits.push(milliseconds)
      return Bun.sleep(0)
    },
    log: createLog('text', Date.now, (line) => lines.push(line)),
  })
  return { served, waits, lines, setCertificate: (name: string) => notify(certificate(name)), stop }
}

const untilServed = (count: number, served: readonly string[]) =>
  until(() => served.length === count, `certificate ${count} to be served`, { interval: 1 })

test('serving a new certificate is retried until it succeeds', async () => {
  const { served, waits, lines, setCertificate, stop } = serveFakeCertificates({ failures: 3 })
  setCertificate('second')
  await untilServed(2, served)
  expect(served).toEqual(['first', 'second'])
  expect(lines.filter((line) => line.includes('not served yet'))).toHaveLength(3)
  expect(waits).toEqual([10_000, 10_000, 10_000])
  await stop({ now: true })
})

test('a new certificate is served in the first quiet moment', async () => {
  let looks = 0
  const isQuiet = () => ++looks > 3
  const { served, waits, setCertificate, stop } = serveFakeCertificates({ isQuiet })
  setCertificate('second')
  await untilServed(2, served)
  expect(waits).toEqual([250, 250, 250])
  await stop({ now: true })
})

test('a new certificate is served after a minute without a quiet moment', async () => {
  const { served, waits, setCertificate, stop } = serveFakeCertificates({ isQuiet: () => false })
  setCertificate('second')
  await untilServed(2, served)
  expect(waits).toEqual(Array<number>(240).fill(250))
  await stop({ now: true })
})

test('a certificate that comes during the change to another one is served after that one', async () => {
  const { served, setCertificate, stop } = serveFakeCertificates()
  setCertificate('second')
  await untilServed(2, served)
  // The first server is stopping at this moment.
  setCertificate('third')
  await untilServed(3, served)
  expect(served).toEqual(['first', 'second', 'third'])
  await stop({ now: true })
})
