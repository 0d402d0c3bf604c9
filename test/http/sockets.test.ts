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
  /** Ends what each server waits for when it stops. */
  const drained: PromiseWithResolvers<void>[] = []
  const hooks = { onOpen: () => {}, onStop: () => {} }
  const serve = spyOn(Bun, 'serve').mockImplementation((options: unknown) => {
    hooks.onOpen()
    opened.push(options as ServeOptions)
    const index = opened.length
    const end = Promise.withResolvers<void>()
    drained.push(end)
    const server = {
      ...{ port: 5_443, url: new URL('https://127.0.0.1:5443/') },
      requestIP: () => ({ address: '10.0.0.1' }),
      stop(now?: boolean) {
        hooks.onStop()
        stops.push([index, now])
        return end.promise
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
    ...{ listener, opened, stops, lines, timing, drained, hooks },
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
      const stop = observe(listener.stop())
      await setup.timing.advance(0)
      expect(stop.isDone()).toBeFalse()
      drained[0]?.resolve()
      await stop.done
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
    const certified = { ...functions, ...limits, ...tcp, port: 5_443, reusePort: true }
    expect(opened.slice(1)).toEqual([
      { ...certified, tls: pair('first') },
      { ...certified, tls: pair('second') },
    ])
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

  test('accepts the connections of two turns of the event loop before its successor takes over', async () => {
    using setup = listenWithoutSocket(tcp, true)
    const { stops, timing, hooks, renew } = setup
    let turns = 0
    let turnsAtStop = -1
    const countTurns = () =>
      setImmediate(() => {
        turns++
        if (turnsAtStop < 0) countTurns()
      })
    hooks.onOpen = countTurns
    hooks.onStop = () => {
      turnsAtStop = turns
    }
    await timing.advance(2_000)
    renew('second')
    await timing.advance(1_000)
    expect(stops).toEqual([
      [1, true],
      [2, undefined],
    ])
    expect(turnsAtStop).toBe(2)
  })

  test("is kept for ten seconds more if its successor can't be opened, which is logged at once", async () => {
    using setup = listenWithoutSocket(tcp, true)
    const { opened, stops, timing, hooks, lines, renew } = setup
    await timing.advance(2_000)
    hooks.onOpen = () => {
      throw new Error('EMFILE')
    }
    renew('second')
    await timing.advance(0)
    expect(lines).toMatchObject([
      {
        ...{
          level: 'error',
          message: 'the new certificate is not served yet: the old one is kept',
        },
        fault: expect.stringContaining('EMFILE'),
      },
    ])
    hooks.onOpen = () => {}
    await timing.advance(9_999)
    expect(opened).toHaveLength(2)
    await timing.advance(1)
    expect(opened.map(({ tls }) => tls)).toEqual([undefined, pair('first'), pair('second')])
    expect(lines).toHaveLength(1)
    expect(stops).toEqual([
      [1, true],
      [2, undefined],
    ])
  })

  test('that stops watches no certificate and serves none, and waits for its requests and those of its predecessors', async () => {
    using setup = listenWithoutSocket(tcp, true)
    const { listener, opened, stops, timing, drained, ask, renew, isWatched } = setup
    await timing.advance(2_000)
    renew('second')
    await timing.advance(1)
    expect(opened).toHaveLength(3)
    await ask()
    renew('third')
    const stop = observe(listener.stop())
    expect(isWatched()).toBeFalse()
    await timing.advance(120_000)
    expect(opened).toHaveLength(3)
    expect(stops).toEqual([
      [1, true],
      [2, undefined],
      [3, false],
    ])
    drained[2]?.resolve()
    await timing.advance(0)
    expect(stop.isDone()).toBeFalse()
    drained[1]?.resolve()
    await stop.done
  })

  test('that stops at once waits for its own stop only', async () => {
    using setup = listenWithoutSocket(tcp, true)
    const { listener, timing, drained, renew } = setup
    await timing.advance(2_000)
    renew('second')
    await timing.advance(1)
    const stop = observe(listener.stop({ now: true }))
    await timing.advance(0)
    expect(stop.isDone()).toBeFalse()
    drained[2]?.resolve()
    await stop.done
    expect(setup.stops.at(-1)).toEqual([3, true])
  })

  test('that stops while its successor is opened stops that one, and still waits for its own requests', async () => {
    using setup = listenWithoutSocket(tcp, true)
    const { listener, stops, timing, drained, hooks, renew } = setup
    await timing.advance(2_000)
    let stop = observe(Promise.resolve())
    hooks.onOpen = () => {
      stop = observe(listener.stop())
    }
    renew('second')
    await timing.advance(1_000)
    expect(stops).toEqual([
      [1, true],
      [2, undefined],
      [3, false],
    ])
    drained[2]?.resolve()
    await timing.advance(0)
    expect(stop.isDone()).toBeFalse()
    drained[1]?.resolve()
    await stop.done
  })
})

/** Tells whether work is done, without waiting for it. */
function observe(work: Promise<void>): { readonly done: Promise<void>; isDone(): boolean } {
  let isDone = false
  const done = work.then(() => {
    isDone = true
  })
  return { done, isDone: () => isDone }
}
