import { describe, expect, test } from 'bun:test'
import { createTestApi, handleRequest, headersOf } from '../support/api'

const allowed = 'https://vault.example.org'
const other = 'https://evil.example'
const preflightHeaders = (origin: string) => ({ origin, 'access-control-request-method': 'PUT' })

async function headersTo(
  origins: readonly string[],
  init: RequestInit,
  path = '/healthz',
): Promise<object> {
  const answer = await createTestApi({ corsOrigins: origins }).ask(path, init)
  const { 'content-type': _, ...headers } = headersOf(answer)
  return { status: answer.status, ...headers }
}

describe('a page of an allowed origin', () => {
  const readable = {
    'access-control-allow-origin': allowed,
    'access-control-expose-headers': 'etag, retry-after',
    vary: 'origin',
  }

  test('may send every method and header of the API, which its browser remembers for ten minutes', async () => {
    const init = { method: 'OPTIONS', headers: preflightHeaders(allowed) }
    expect(await headersTo([other, allowed], init, '/any/path')).toEqual({
      status: 204,
      'access-control-allow-methods': 'GET, POST, PUT, DELETE',
      'access-control-allow-headers': 'authorization, content-type, if-none-match, x-access-token',
      'access-control-max-age': '600',
      ...readable,
    })
  })

  test('may read every answer, with the time to wait', async () => {
    const headers = { origin: allowed }
    expect(await headersTo([allowed], { headers })).toEqual({ status: 200, ...readable })
    expect(await headersTo([allowed], { headers }, '/nothing')).toEqual({
      status: 404,
      ...readable,
    })
    // OPTIONS without the question of a browser is an ordinary request.
    const options = await headersTo([allowed], { method: 'OPTIONS', headers })
    expect(options).toEqual({ status: 204, allow: 'OPTIONS, GET, HEAD', ...readable })
    // So is another method with it.
    expect(await headersTo([allowed], { headers: preflightHeaders(allowed) })).toEqual({
      status: 200,
      ...readable,
    })
  })
})

describe('a page of another origin', () => {
  test('may do nothing, and caches know that the answer differs', async () => {
    const options = { method: 'OPTIONS', headers: preflightHeaders(other) }
    const allow = { status: 204, allow: 'OPTIONS, GET, HEAD' }
    expect(await headersTo([allowed], options)).toEqual({ ...allow, vary: 'origin' })
    for (const headers of [{ origin: other }, { origin: `${allowed}:444` }, undefined] as const)
      expect(await headersTo([allowed], headers ? { headers } : {})).toEqual({
        status: 200,
        vary: 'origin',
      })
  })

  test('may do nothing if no origin is allowed, where answers do not differ', async () => {
    const options = { method: 'OPTIONS', headers: preflightHeaders(allowed) }
    expect(await headersTo([], options)).toEqual({ status: 204, allow: 'OPTIONS, GET, HEAD' })
    expect(await headersTo([], { headers: { origin: allowed } })).toEqual({ status: 200 })
  })
})

test('a request without a valid host is refused', async () => {
  const { api } = createTestApi()
  const request = new Request('http://pi/healthz')
  Object.defineProperty(request, 'url', { value: 'not a URL' })
  const answer = await handleRequest(api, request)
  expect([answer.status, await answer.json()]).toEqual([
    400,
    { message: { error: 'Missing Request Header. The Host header is missing or not valid' } },
  ])
})

test('routes answer at any host, also a short one, and only at their exact path', async () => {
  const { api } = createTestApi()
  const statusOf = async (url: string) => (await handleRequest(api, new Request(url))).status
  expect(await statusOf('http://a/healthz')).toBe(200)
  expect(await statusOf('http://a.b/healthz')).toBe(200)
  expect(await statusOf('http://pi.local:5000/healthz?x=/y')).toBe(200)
  expect(await statusOf('http://pi.local/healthz/')).toBe(404)
  expect(await statusOf('http://pi.local//healthz')).toBe(404)
})
