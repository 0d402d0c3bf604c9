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

/** What is made of an answer. */
async function askServerWith(answer: () => Response): Promise<ReadinessReport> {
  await using server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer })
  return await fetchReadiness(
    readinessRequest(at({ hostname: '127.0.0.1', port: server.port ?? 0 })),
    never,
  )
}

describe('asking a server whether it is ready', () => {
  test.each(['127.0.0.1:0', '[::1]:0', '0.0.0.0:0', '[::]:0', 'localhost:0'])(
    'reaches one that listens on %s',
    async (listen) => {
      await using server = await startTestServer({ listen })
      const hostname = listen.slice(0, -2).replaceAll(/[[\]]/g, '')
      const question = readinessRequest(at({ hostname, port: Number(server.url.port) }))
      expect(await fetchReadiness(question, never)).toEqual({ problem: null, warnings: [] })
    },
  )

  test('hears why one is not', async () => {
    const error = 'Service Unavailable. The database is away: ENOENT'
    expect(
      await askServerWith(() => Response.json({ message: { error } }, { status: 503 })),
    ).toEqual({
      problem: 'The database is away: ENOENT',
      warnings: [],
    })
  })

  test('hears of warnings, and leaves out what is none', async () => {
    const warnings = [
      { kind: 'stale_backup', detail: 'the last one is of May' },
      { kind: 'disk_full' },
      { kind: 7 },
      'x',
      null,
    ]
    expect(await askServerWith(() => Response.json({ status: 'ready', warnings }))).toEqual({
      problem: null,
      warnings: ['stale_backup: the last one is of May', 'disk_full'],
    })
    expect(await askServerWith(() => Response.json({ status: 'ready', warnings: 'x' }))).toEqual({
      problem: null,
      warnings: [],
    })
  })

  test.each([
    ['no JSON', () => new Response('ready'), 200],
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
      'a way to somewhere else',
      () => new Response(null, { status: 302, headers: { location: 'http://127.0.0.1:9/' } }),
      302,
    ],
  ])('takes %s for no answer of ours', async (_name, answer, status) => {
    expect(await askServerWith(answer)).toEqual({
      problem: `what answers there is no SnailPass server: status ${status}`,
      warnings: [],
    })
  })

  test('lets no answer steer the terminal, and none be endless', async () => {
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
    expect(endless.problem).toEndWith('/readyz: it is too long')
  })

  test('says that nobody is there', async () => {
    const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
    const { port = 0 } = server
    await server.stop(true)
    const { problem } = await fetchReadiness(
      readinessRequest(at({ hostname: '127.0.0.1', port })),
      never,
    )
    expect(problem).toStartWith(`no answer from http://127.0.0.1:${port}/readyz: `)
    expect(problem).toContain('ECONNREFUSED')
  })

  test('waits no longer than it is let, for the answer and for its end', async () => {
    const controller = new AbortController()
    using silent = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: () => controller.abort() },
    })
    const question = readinessRequest(at({ hostname: '127.0.0.1', port: silent.port }))
    expect((await fetchReadiness(question, controller.signal)).problem).toBe(
      `no answer from ${question.url.href}: it took too long`,
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
    const slowly = readinessRequest(at({ hostname: '127.0.0.1', port: slow.port }))
    expect((await fetchReadiness(slowly, more.signal)).problem).toBe(
      `no answer from ${slowly.url.href}: it took too long`,
    )
  })

  test('needs to know the port', () => {
    expect(() => readinessRequest(at({ hostname: '0.0.0.0', port: 0 }))).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    )
  })
})
