import { expect, test } from 'bun:test'
import type { KeyPair } from '../../src/domain/certificates'
import { type OpenServer, serveHttps } from '../../src/http/https-server'
import { createLog } from '../../src/log'

const certificate = (name: string): KeyPair => ({ cert: name, key: name })

/** Served certificates in their order, by servers that are none: which ones are opened is all that counts. */
function startFakeServers(failures: number) {
  const served: string[] = []
  const lines: string[] = []
  let [left, isFirst] = [failures, true]
  const open: OpenServer = ({ tls }) => {
    if (tls !== undefined && !isFirst && left-- > 0) throw new Error('EMFILE')
    if (tls !== undefined) {
      isFirst = false
      served.push(tls.cert)
    }
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
    return server
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
    isQuiet: () => true,
    wait: () => Bun.sleep(0),
    log: createLog('text', Date.now, (line) => lines.push(line)),
  })
  return { served, lines, setCertificate: (name: string) => notify(certificate(name)), stop }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(1)
}

test('a certificate that could not be served is tried again until it is', async () => {
  const { served, lines, setCertificate, stop } = startFakeServers(3)
  setCertificate('second')
  await until(() => served.length === 2)
  expect(served).toEqual(['first', 'second'])
  expect(lines.filter((line) => line.includes('not served yet'))).toHaveLength(3)
  await stop({ now: true })
})

test('a certificate that comes while another one is put in place is served after it', async () => {
  const { served, setCertificate, stop } = startFakeServers(0)
  setCertificate('second')
  await until(() => served.length === 2)
  // The last one is on its way out at this very moment.
  setCertificate('third')
  await until(() => served.length === 3)
  expect(served).toEqual(['first', 'second', 'third'])
  await stop({ now: true })
})
