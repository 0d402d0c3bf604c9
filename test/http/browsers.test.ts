import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { startTestServer } from '../support/server'

const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
}

describe('every answer', () => {
  test.each([
    ['GET', '/', 200],
    ['GET', '/confirm/garbage', 200],
    ['GET', '/favicon.ico', 200],
    ['GET', '/openapi.json', 200],
    ['GET', '/readyz', 200],
    ['GET', '/login', 401],
    ['GET', '/records', 400],
    ['POST', '/users', 400],
    ['GET', '/nothing', 404],
    ['PATCH', '/notes', 405],
    ['OPTIONS', '/notes', 204],
  ])(
    'to %s %s tells browsers not to guess its type, show it in a frame or store it',
    async (method, path, status) => {
      await using server = await startTestServer()
      const { headers, status: found } = await fetch(new URL(path, server.url), { method })
      expect(found).toBe(status)
      expect(Object.fromEntries(headers)).toMatchObject(securityHeaders)
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none';.*frame-ancestors 'none'/,
      )
      expect(headers.get('cache-control')).toBe(
        path === '/favicon.ico' ? 'public, max-age=86400' : 'no-store',
      )
      expect(
        [...headers.keys()].filter((name) => /^(?:server|x-powered-by|access-)/.test(name)),
      ).toEqual([])
    },
  )
})

describe('a page of another origin', () => {
  const requestHeaders = {
    'access-control-request-method': 'GET',
    origin: 'https://vault.example.org',
  }

  test('can read nothing by default', async () => {
    await using server = await startTestServer()
    const preflight = await fetch(new URL('/records', server.url), {
      method: 'OPTIONS',
      headers: requestHeaders,
    })
    const answer = await fetch(new URL('/login', server.url), { headers: requestHeaders })
    for (const { headers } of [preflight, answer]) {
      expect([...headers.keys()].filter((name) => name.startsWith('access-'))).toEqual([])
    }
  })

  test('can read every answer, failures included, if its origin is allowed, and no other page can', async () => {
    await using server = await startTestServer({
      settings: { SNAILPASS_CORS_ORIGINS: 'https://vault.example.org, http://localhost:3000' },
    })
    const preflight = await fetch(new URL('/records', server.url), {
      method: 'OPTIONS',
      headers: requestHeaders,
    })
    expect(preflight.status).toBe(204)
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': 'https://vault.example.org',
      'access-control-allow-methods': 'GET, POST, PUT, DELETE',
      'access-control-allow-headers': 'authorization, content-type, if-none-match, x-access-token',
      vary: 'origin',
    })
    const answer = await fetch(new URL('/login', server.url), { headers: requestHeaders })
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://vault.example.org')
    // Session tokens are sent in a header. Credentials that browsers add by themselves have no meaning here.
    expect(answer.headers.has('access-control-allow-credentials')).toBeFalse()
    for (const origin of ['https://evil.example', 'null', 'http://vault.example.org']) {
      const other = await fetch(new URL('/login', server.url), {
        headers: { ...requestHeaders, origin },
      })
      expect(other.headers.has('access-control-allow-origin'), origin).toBeFalse()
      expect(other.headers.get('vary')).toBe('origin')
    }
  })
})

test('a body that has not arrived in a minute is refused, even if a byte arrives now and then', async () => {
  let reachTimeout = () => {}
  const wait = (milliseconds: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('aborted')))
      if (milliseconds === 60_000) reachTimeout = resolve
    })
  await using server = await startTestServer({ runtime: { wait } })
  const socket = connect(Number(server.url.port), '127.0.0.1')
  socket.write(
    'POST /users HTTP/1.1\r\nHost: pi\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{',
  )
  let answer = ''
  socket.on('data', (bytes) => {
    answer += String(bytes)
  })
  const closed = new Promise((resolve) => socket.on('close', resolve))
  const drip = setInterval(() => {
    socket.write(' ')
    reachTimeout()
  }, 20)
  await closed
  clearInterval(drip)
  expect(answer).toStartWith('HTTP/1.1 408 Request Timeout\r\n')
  expect(answer).toEndWith('{"message":{"error":"Request Timeout. The body took too long"}}')
})
