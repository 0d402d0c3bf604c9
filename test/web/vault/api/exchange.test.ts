import { expect, test } from 'bun:test'
import { connectToServer, type Fetch } from '../../../../src/web/vault/api/server'

const timeout = 300
const offline = { ok: false, failure: { kind: 'offline' } } as const

/** Never answers, until the page gives up. */
const silent: Fetch = (_, { signal }) =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('given up'))))

test('a server that never answers counts as gone', async () => {
  const api = connectToServer(silent, timeout)
  expect(await api.readVault('token', null)).toEqual(offline)
  expect(await api.writeVault('token', { records: [], notes: [] })).toEqual(offline)
  expect(await api.readFile('')).toEqual(offline)
})

test('a server that stops within its answer counts as gone, and a slow one does not', async () => {
  const text = JSON.stringify({ token: '\u{1F40C} token' })
  const bytes = new TextEncoder().encode(text)
  const answer =
    (parts: number): Fetch =>
    (_, { signal }) => {
      let sent = 0
      const body = new ReadableStream<Uint8Array>({
        start: (stream) =>
          signal?.addEventListener('abort', () => stream.error(new Error('given up'))),
        async pull(stream) {
          if (sent === parts) return new Promise(() => {})
          await new Promise((resolve) => setTimeout(resolve, timeout / 15))
          stream.enqueue(bytes.subarray(sent, sent + 1))
          sent++
          if (sent === bytes.length) stream.close()
        },
      })
      return Promise.resolve(new Response(body))
    }
  const credentials = { email: 'marta@example.org', masterPasswordHash: 'hash' }
  const stopped = connectToServer(answer(5), timeout)
  expect(await stopped.signIn(credentials)).toEqual(offline)
  const slow = connectToServer(answer(bytes.length), timeout)
  expect(await slow.signIn(credentials)).toEqual({ ok: true, value: '\u{1F40C} token' })
})

test('a large request may take longer', async () => {
  let isGivenUp = false
  const api = connectToServer((_, { signal, body }) => {
    signal?.addEventListener('abort', () => {
      isGivenUp = true
    })
    const time = typeof body === 'string' && body.length > 20_000 ? timeout * 2 : 0
    return new Promise((resolve) => setTimeout(() => resolve(Response.json({})), time))
  }, timeout)
  const large = { id: 'x'.repeat(20_000), revision: 1, delete: true } as const
  expect(await api.writeVault('token', { records: [large], notes: [] })).toMatchObject({
    failure: { kind: 'unexpected' },
  })
  expect(isGivenUp).toBe(false)
})
