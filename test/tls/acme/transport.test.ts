import { afterAll, describe, expect, spyOn, test } from 'bun:test'
import { AcmeFault } from '../../../src/tls/acme/fault'
import { createAcmeTransport } from '../../../src/tls/acme/transport'
import { captureError } from '../../support/capture-error'
import { createTestAuthority } from '../../support/certificates'
import { fakeClock } from '../../support/timing'

const authority = await createTestAuthority()
const { certificate, key } = await authority.issue({ names: ['localhost'] })
const received: { method: string; headers: Headers; body: string }[] = []
let answer: () => Response | Promise<Response> = () => new Response()
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  tls: { cert: certificate, key },
  async fetch(request) {
    received.push({
      method: request.method,
      headers: request.headers,
      body: await request.text(),
    })
    return await answer()
  },
})
afterAll(async () => await server.stop(true))

const host = `localhost:${server.port}`
const url = `https://${host}/path`
const day = 24 * 3600_000

/** Sends a request to the server, which gives this answer. */
async function send(
  next: () => Response | Promise<Response>,
  options: {
    to?: string
    request?: { method: string; body?: string }
    ca?: string | null
    signal?: AbortSignal
  } = {},
) {
  answer = next
  received.length = 0
  const { ca = authority.certificate, signal = new AbortController().signal } = options
  const transport = createAcmeTransport({ ca, version: '1.2.3', clock: fakeClock(), signal })
  return await transport.send(options.to ?? url, options.request ?? { method: 'GET' })
}

const unreachableHint =
  "check this machine's internet connection, its clock, and SNAILPASS_ACME_DIRECTORY; for a private certificate authority, set SNAILPASS_ACME_CA"

test('a request says who asks, in which language, and of which type its content is', async () => {
  await send(() => new Response(), { request: { method: 'POST', body: '{"a":1}' } })
  expect(received).toHaveLength(1)
  const [{ method, headers, body } = { method: '', headers: new Headers(), body: '' }] = received
  expect({ method, body }).toEqual({ method: 'POST', body: '{"a":1}' })
  expect(headers.get('user-agent')).toBe('snailpass/1.2.3')
  expect(headers.get('accept-language')).toBe('en')
  expect(headers.get('content-type')).toBe('application/jose+json')

  await send(() => new Response(), { request: { method: 'HEAD' } })
  expect(received.map((one) => [one.method, one.headers.get('content-type'), one.body])).toEqual([
    ['HEAD', null, ''],
  ])
})

test('a response has its status, headers and text, and its document if it is JSON', async () => {
  const response = await send(
    () => new Response('{"type":"é"}', { status: 418, headers: { 'replay-nonce': 'n' } }),
  )
  expect(response).toMatchObject({ status: 418, text: '{"type":"é"}', retryAfter: null })
  expect(response.headers.get('replay-nonce')).toBe('n')
  expect(response.json()).toEqual({ type: 'é' })
  expect((await send(() => new Response('<html>'))).json()).toBeUndefined()
})

test.each([
  ['0', 0],
  ['1', 1_000],
  ['120', 120_000],
  ['604800', 7 * day],
  ['604801', 7 * day],
  ['999999999', 7 * day],
  ['Mon, 23 Nov 2026 16:32:04 GMT', 60_000],
  ['Mon, 23 Nov 2026 16:30:04 GMT', 0],
  ['Mon, 23 Nov 2037 16:30:04 GMT', 7 * day],
  ['soon', null],
])('a CA that says "retry after %s" asks to wait %p ms', async (header, milliseconds) => {
  const { retryAfter } = await send(() => new Response('', { headers: { 'retry-after': header } }))
  expect(retryAfter).toBe(milliseconds)
})

describe('a response', () => {
  const limit = 256 * 1024

  test('may have 256 KiB', async () => {
    expect((await send(() => new Response('x'.repeat(limit)))).text).toHaveLength(limit)
  })

  test.each([
    ['announced', () => new Response('x'.repeat(limit + 1))],
    [
      'in parts without end',
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(16 * 1024)),
          }),
        ),
    ],
  ])('of more than that is refused: %s', async (_, larger) => {
    const error = await captureError(send(larger))
    expect(error).toBeInstanceOf(AcmeFault)
    expect(error).toMatchObject({
      message: `can't reach the certificate authority at ${host}: the response is larger than 262144 bytes`,
      hint: unreachableHint,
      type: null,
      retryAfter: null,
    })
  })

  test('that leads elsewhere is refused, and not followed', async () => {
    const error = await captureError(
      send(() => new Response('', { status: 302, headers: { location: url } })),
    )
    expect(error).toMatchObject({
      message: expect.stringMatching(/^can't reach the certificate authority at localhost:/),
    })
    expect(received).toHaveLength(1)
  })
})

test.each(['file:///etc/hostname', 'http://localhost/', 'ftp://x/', 'xhttps://x/', ''])(
  'no request is sent to "%s"',
  async (to) => {
    using fetching = spyOn(globalThis, 'fetch')
    expect(await captureError(send(() => new Response(), { to }))).toMatchObject({
      message: `unexpected response of the certificate authority: it contains the URL ${to}`,
    })
    expect(fetching).not.toHaveBeenCalled()
  },
)

test('the scheme of a URL may be in capitals', async () => {
  expect((await send(() => new Response('x'), { to: url.replace('https', 'HTTPS') })).text).toBe(
    'x',
  )
})

test('a CA whose certificate the system does not trust is not asked anything', async () => {
  expect(await captureError(send(() => new Response(), { ca: null }))).toMatchObject({
    message: expect.stringMatching(
      /^can't reach the certificate authority at localhost:\d+: .*certificate/,
    ),
    hint: unreachableHint,
    cause: expect.anything(),
  })
  expect(received).toEqual([])
})

test('a CA may take half a minute, after which it counts as unreachable', async () => {
  const timer = new AbortController()
  using timeout = spyOn(AbortSignal, 'timeout').mockReturnValue(timer.signal)
  const error = captureError(
    send(() => {
      timer.abort(new DOMException('The operation timed out.', 'TimeoutError'))
      return new Promise(() => {})
    }),
  )
  expect(await error).toMatchObject({
    message: `can't reach the certificate authority at ${host}: The operation timed out.`,
    hint: unreachableHint,
  })
  expect(timeout.mock.calls).toEqual([[30_000]])
})

test('a request ends with the reason of the signal', async () => {
  const stopping = new AbortController()
  const reason = new Error('the server stops')
  const error = captureError(
    send(
      () => {
        stopping.abort(reason)
        return new Promise(() => {})
      },
      { signal: stopping.signal },
    ),
  )
  expect(await error).toBe(reason)
})
