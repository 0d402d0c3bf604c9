import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createTestAuthority } from '../support/certificates'
import { startTestServer, type TestServer } from '../support/server'

/* Requests that no `fetch` sends: those of health checks, of clients of a proxy, and hostile ones. */

let server: TestServer
beforeAll(async () => {
  const { certificate: cert, key } = await (await createTestAuthority()).issue({ names: ['pi'] })
  server = await startTestServer({
    settings: { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' },
    certificates: {
      current: () => ({ cert, key }),
      isPubliclyTrusted: () => false,
      subscribe: () => () => {},
    },
  })
})
afterAll(() => server.stop())

/** Sends a text on a connection of its own. Returns all that the server sends until it closes the connection. */
function exchange(text: string, protocol = 'http:'): Promise<string> {
  const port = Number(server.urls.find((url) => url.protocol === protocol)?.port)
  return new Promise((resolve, reject) => {
    let received = ''
    const onConnect = () => socket.write(text)
    const socket =
      protocol === 'https:'
        ? connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, onConnect)
        : connect(port, '127.0.0.1', onConnect)
    socket.on('data', (bytes) => {
      received += bytes.toString()
    })
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
}

const statusOf = async (text: string, protocol: string) =>
  Number((await exchange(text, protocol)).split(' ')[1])

describe('a health check in HTTP/1.0', () => {
  test.each([
    // check_http of Nagios, without options.
    ['GET / HTTP/1.0\r\nUser-Agent: check_http\r\nConnection: close\r\n\r\n', 200],
    // `option httpchk` of HAProxy, without and with an address.
    ['OPTIONS / HTTP/1.0\r\n\r\n', 204],
    ['OPTIONS /readyz HTTP/1.0\r\n\r\n', 204],
    ['GET /readyz HTTP/1.0\r\n\r\n', 200],
    ['HEAD /readyz HTTP/1.0\r\n\r\n', 200],
    ['GET /healthz HTTP/1.0\r\n\r\n', 200],
    ['HEAD /healthz HTTP/1.0\r\n\r\n', 200],
    ['GET /healthz?from=monitor HTTP/1.0\r\n\r\n', 200],
    ['GET /readyz HTTP/1.0\r\nHost:\r\n\r\n', 200],
    ['GET /readyz HTTP/1.0\r\nHost: 10.0.0.1\r\n\r\n', 200],
  ])('%j is answered %d', async (text, status) => {
    for (const protocol of ['http:', 'https:'])
      expect(await statusOf(text, protocol), protocol).toBe(status)
  })

  test.each([
    'GET /users HTTP/1.0\r\n\r\n',
    'GET /login HTTP/1.0\r\n\r\n',
    'GET /healthz/x HTTP/1.0\r\n\r\n',
    'POST /readyz HTTP/1.0\r\nContent-Length: 0\r\n\r\n',
    'GET /readyz HTTP/1.0\r\nHost: a b\r\nConnection: close\r\n\r\n',
  ])('is needed to leave out the Host header: %j is refused', async (text) => {
    for (const protocol of ['http:', 'https:']) {
      const answer = await exchange(text, protocol)
      expect(answer).toStartWith('HTTP/1.1 400 ')
      expect(answer).toContain('"Missing Request Header. The Host header is missing or not valid"')
    }
  })
})

test.each([
  'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n',
  'CONNECT 127.0.0.1:22 HTTP/1.0\r\n\r\n',
  // What would be sent through the tunnel is not answered.
  'CONNECT pi:80 HTTP/1.1\r\nHost: pi:80\r\n\r\nGET /healthz HTTP/1.1\r\nHost: pi\r\n\r\n',
])('a client of a proxy is refused, and its connection closed: %j', async (text) => {
  const answer = await exchange(text)
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 405'])
  expect(answer.toLowerCase()).toContain('connection: close')
  expect(answer).toContain('"Method Not Allowed. This server is no proxy"')
})
