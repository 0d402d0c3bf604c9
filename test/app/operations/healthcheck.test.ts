import { describe, expect, test } from 'bun:test'
import {
  fetchReadiness,
  type ReadinessReport,
  readinessRequest,
} from '../../../src/app/operations/healthcheck'
import type { ListenAddress } from '../../../src/config/listen-address'
import { startTestServer } from '../../support/server'

const never = new AbortController().signal

const at = (address: ListenAddress) => ({ address, isTls: false })

/** Returns the report on a server that answers like this. */
async function askServerWith(answer: () => Response): Promise<ReadinessReport> {
  await using server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer })
  return await fetchReadiness(
    readinessRequest(at({ hostname: '127.0.0.1', port: server.port ?? 0 })),
    never,
  )
}

describe('fetching the readiness of a server', () => {
  test.each(['127.0.0.1:0', '[::1]:0', '0.0.0.0:0', '[::]:0', 'localhost:0'])(
    'reaches one that listens on %s',
    async (listen) => {
      await using server = await startTestServer({ listen })
      const hostname = listen.slice(0, -2).replaceAll(/[[\]]/g, '')
      const request = readinessRequest(at({ hostname, port: Number(server.url.port) }))
      expect(await fetchReadiness(request, never)).toEqual({
        problem: null,
        isServer: true,
        warnings: [],
      })
    },
  )

  test('returns why a server is not ready', async () => {
    const error = 'Service Unavailable. The database is away: ENOENT'
    expect(
      await askServerWith(() => Response.json({ message: { error } }, { status: 503 })),
    ).toEqual({
      problem: 'The database is away: ENOENT',
      isServer: true,
      warnings: [],
    })
  })

  test('returns warnings, and leaves out what is not a warning', async () => {
    const warnings = [
      { kind: 'stale_backup', detail: 'the last one is of May' },
      { kind: 'disk_full' },
      { kind: 7 },
      'x',
      null,
    ]
    expect(await askServerWith(() => Response.json({ status: 'ready', warnings }))).toEqual({
      problem: null,
      isServer: true,
      warnings: ['stale_backup: the last one is of May', 'disk_full'],
    })
    expect(await askServerWith(() => Response.json({ status: 'ready', warnings: 'x' }))).toEqual({
      problem: null,
      isServer: true,
      warnings: [],
    })
  })

  test.each([
    ['text', () => new Response('ready'), 200],
    ['another status', () => Response.json({ status: 'alive' }), 200],
    ['JSON of another shape', () => Response.json(['ready']), 200],
    ['null', () => Response.json(null), 200],
    [
      'a refusal without a text',
      () => Response.json({ message: { error: 7 } }, { status: 503 }),
      503,
    ],
    ['a page of another server', () => new Response('not found', { status: 404 }), 404],
    [
      'a redirect',
      () => new Response(null, { status: 302, headers: { location: 'http://127.0.0.1:9/' } }),
      302,
    ],
  ])('does not take %s for an answer of SnailPass', async (_name, answer, status) => {
    expect(await askServerWith(answer)).toEqual({
      problem: `this is not a SnailPass server: it answered with status ${status}`,
      isServer: false,
      warnings: [],
    })
  })

  test('removes control characters from the answer, and limits its length', async () => {
    const error = `a\r\n\u001b[2Jb${'c'.repeat(5_000)}`
    const { problem } = await askServerWith(() =>
      Response.json({ message: { error } }, { status: 503 }),
    )
    expect(problem).toStartWith('a [2Jbccc')
    expect(problem).toHaveLength(1_000)
    const endless = await askServerWith(
      () =>
        new Response(
          new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(9_000)) }),
        ),
    )
    expect(endless.problem).toEndWith('/readyz: the response is too long')
  })

  test('reports that nothing listens', async () => {
    const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
    const { port = 0 } = server
    await server.stop(true)
    const { problem, isServer } = await fetchReadiness(
      readinessRequest(at({ hostname: '127.0.0.1', port })),
      never,
    )
    expect(problem).toStartWith(`no answer from http://127.0.0.1:${port}/readyz: `)
    expect(problem).toContain('ECONNREFUSED')
    expect(isServer).toBeFalse()
  })

  test('stops when the signal aborts, before the answer and within it', async () => {
    const controller = new AbortController()
    using silent = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: () => controller.abort() },
    })
    const request = readinessRequest(at({ hostname: '127.0.0.1', port: silent.port }))
    expect((await fetchReadiness(request, controller.signal)).problem).toBe(
      `no answer from ${request.url.href}: it took too long`,
    )
    const more = new AbortController()
    using slow = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        data(socket) {
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"status":')
          setTimeout(() => more.abort(), 20)
        },
      },
    })
    const slowRequest = readinessRequest(at({ hostname: '127.0.0.1', port: slow.port }))
    expect((await fetchReadiness(slowRequest, more.signal)).problem).toBe(
      `no answer from ${slowRequest.url.href}: it took too long`,
    )
  })

  test('requires a known port', () => {
    expect(() => readinessRequest(at({ hostname: '0.0.0.0', port: 0 }))).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    )
  })
})
