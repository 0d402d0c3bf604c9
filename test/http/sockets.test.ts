import { describe, expect, spyOn, test } from 'bun:test'
import type { KeyPair } from '../../src/domain/certificates'
import { createClientResolver } from '../../src/http/client'
import { type ListenerAddress, listen } from '../../src/http/listener'
import { createLog } from '../../src/log'
import { createTestApi } from '../support/api'
import { manualTiming } from '../support/timing'

/* How servers of Bun are opened and stopped, without a socket. What they answer is in listener.test.ts. */

type ServeOptions = {
  readonly fetch: (request: Request, server: object) => Promise<Response>
  readonly error: (error: Error) => Response
  readonly tls?: KeyPair
} & Record<string, unknown>

const pair = (name: string): KeyPair => ({ cert: name, key: name })

/** Listens with servers that only remember how they were opened and stopped. */
function listenWithoutSocket(address: ListenerAddress, isTls = false) {
  const timing = manualTiming()
  const opened: ServeOptions[] = []
  const stops: unknown[] = []
  const lines: Record<string, unknown>[] = []
  const drained = Promise.withResolvers<void>()
  const serve = spyOn(Bun, 'serve').mockImplementation((options: unknown) => {
    opened.push(options as ServeOptions)
    const index = opened.length
    const server = {
      ...{ port: 5_443, url: new URL('https://127.0.0.1:5443/') },
      requestIP: () => ({ address: '10.0.0.1' }),
      stop(now?: boolean) {
        stops.push([index, now])
        return drained.promise
      },
    }
    return server as never
  })
  const log = createLog('json', timing.clock, (line) => lines.push(JSON.parse(line)))
  let notify: ((next: KeyPair) => void) | null = null
  const certificates = {
    current: () => pair('first'),
    isPubliclyTrusted: () => false,
    subscribe(listener: (next: KeyPair) => void) {
      notify = listener
      return () => {
        notify = null
      }
    },
  }
  const { api } = createTestApi({ log })
  const listener = listen(api, address, {
    ...{ ...timing, log, resolveClient: createClientResolver(() => false) },
    certificates: isTls ? certificates : null,
  })
  return {
    ...{ listener, opened, stops, lines, timing, drained },
    renew: (name: string) => notify?.(pair(name)),
    isWatched: () => notify !== null,
    /** Sends a request to the newest server. */
    ask: () => opened.at(-1)?.fetch(new Request('https://pi/nothing'), { requestIP: () => null }),
    [Symbol.dispose]: () => serve.mockRestore(),
  }
}

const limits = { maxRequestBodySize: Number.MAX_SAFE_INTEGER, idleTimeout: 40 }
const functions = { fetch: expect.any(Function), error: expect.any(Function) }
const tcp = { hostname: '127.0.0.1', port: 0 }

describe('a server', () => {
  test('closes connections after forty seconds without traffic, and limits no body itself', () => {
    for (const [address, expected] of [
      [tcp, tcp],
      [{ path: '/run/http.sock' }, { unix: '/run/http.sock' }],
    ] as const) {
      using setup = listenWithoutSocket(address)
      expect(setup.opened).toEqual([{ ...functions, ...limits, ...expected }])
    }
  })

  test('waits for running requests when it stops, unless that is to be at once', async () => {
    for (const address of [tcp, { path: '/run/http.sock' }]) {
      using setup = listenWithoutSocket(address)
      const { listener, stops, drained } = setup
      void listener.stop()
      void listener.stop({ now: false })
      void listener.stop({ now: true })
      expect(stops).toEqual([
        [1, false],
        [1, false],
        [1, true],
      ])
      drained.resolve()
    }
  })

  test('answers a fault outside of every route by closing the connection, and logs it whole', async () => {
    using setup = listenWithoutSocket(tcp)
    const answer = setup.opened[0]?.error(new TypeError('a bug'))
    expect(await answer?.text().catch(() => 'cut')).toBe('cut')
    expect(setup.lines).toMatchObject([
      {
        ...{ level: 'error', message: 'unexpected error outside of every route' },
        fault: expect.stringContaining('TypeError: a bug'),
      },
    ])
  })
})

describe('a server with a certificate', () => {
  test('takes a port that no other program has, and shares it with its successor', () => {
    using setup = listenWithoutSocket(tcp, true)
    const { opened, stops } = setup
    // The first one only finds the port.
    expect(opened).toEqual([
      { ...functions, ...limits, ...tcp },
      { ...functions, ...limits, ...tcp, port: 5_443, tls: pair('first'), reusePort: true },
    ])
    expect(stops).toEqual([[1, true]])
  })

  test('is replaced a second after the last request, not sooner', async () => {
    using setup = listenWithoutSocket(tcp, true)
    const { opened, stops, timing, ask, renew } = setup
    // Its wait would end in between.
    await ask()
    renew('second')
    await timing.advance(1_000)
    expect(opened).toHaveLength(2)
    await timing.advance(250)
    expect(opened.map(({ tls }) => tls)).toEqual([undefined, pair('first'), pair('second')])
    expect(stops).toEqual([
      [1, true],
      [2, undefined],
    ])
    await ask()
    await timing.advance(1_001)
    renew('third')
    await timing.advance(0)
    expect(opened.at(-1)?.tls).toEqual(pair('third'))
  })

  test('is not replaced while a request is running, but after a minute', async () => {
    using setup = listenWithoutSocket(tcp, true)
    const { opened, timing, renew, lines } = setup
    const body = new ReadableStream()
    const headers = { 'content-type': 'application/json' }
    const request = new Request('https://pi/users', { method: 'POST', headers, body })
    void opened.at(-1)?.fetch(request, { requestIP: () => null })
    await timing.advance(5_000)
    renew('second')
    await timing.advance(59_999)
    expect(opened).toHaveLength(2)
    await timing.advance(1)
    expect(opened.at(-1)?.tls).toEqual(pair('second'))
    expect(lines.filter(({ level }) => level !== 'info')).toEqual([])
  })

  test('that stops watches no certificate and serves none, and waits for the requests of its predecessors', async () => {
    using setup = listenWithoutSocket(tcp, true)
    const { listener, opened, stops, timing, drained, ask, renew, isWatched } = setup
    renew('second')
    await timing.advance(1)
    expect(opened).toHaveLength(3)
    await ask()
    renew('third')
    let isStopped = false
    const stopping = listener.stop().then(() => {
      isStopped = true
    })
    expect(isWatched()).toBeFalse()
    await timing.advance(120_000)
    expect(opened).toHaveLength(3)
    expect(stops).toEqual([
      [1, true],
      [2, undefined],
      [3, false],
    ])
    expect(isStopped).toBeFalse()
    drained.resolve()
    await stopping
  })
})
