import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { aField, aNote, aRecord, signUpAndLogIn } from '../support/client'
import { startTestServer } from '../support/server'

const paths = [
  '/',
  '/favicon.ico',
  '/users',
  '/login',
  '/records',
  '/additional_fields',
  '/notes',
  '/confirm/x',
  '/openapi.json',
  '/.well-known/acme-challenge/x',
  '/nope',
]
const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']

const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(
    '\0',
    '\ud800',
    '__proto__',
    'constructor',
    "' or 1=1 --",
    ':',
    '🐌'.repeat(101),
    'a:b',
  ),
)
const hostileValue = fc.oneof(
  hostileText,
  fc.constantFrom(null, true, false, 0, -1, 1e308, [], {}, [[]], { toString: 1 }),
  fc.jsonValue({ maxDepth: 4 }),
)
const member = fc.constantFrom(
  'id',
  'email',
  'master_password_hash',
  'hint',
  'name',
  'login',
  'password',
  'content',
  'value',
  'record_id',
  'is_favorite',
  'is_deleted',
  '__proto__',
  'toString',
)

/** Valid bodies with some hostile members: they get past more checks than random bodies do. */
const alteredBody = fc
  .tuple(
    fc.constantFrom(aRecord(), aNote(), aField('x'), {
      id: 'x',
      email: 'a@b.cc',
      master_password_hash: 'x',
    }),
    fc.dictionary(member, hostileValue, { maxKeys: 3 }),
  )
  .map(([body, change]) => JSON.stringify({ ...body, ...change }))
const body = fc.oneof(
  alteredBody,
  fc.json(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '[',
    '{',
    'null',
    '"x"',
    '[1]',
    '{"id":1e400}',
    '['.repeat(100_000),
    '{"a":'.repeat(50_000),
  ),
)
const headerText = fc.string({
  unit: fc.constantFrom(...'aZ09 !"#%&\'()*+,-./:;<=>?@[]^_`{|}~\u00e9\u00ff'),
  maxLength: 60,
})
const contentType = fc.oneof(
  fc.constantFrom(
    'application/json',
    'Application/JSON; charset=utf-16',
    'application/problem+json',
    'text/plain',
    'multipart/form-data',
    'application/x-www-form-urlencoded',
    '',
  ),
  headerText,
)

const hostileRequest = fc.record({
  method: fc.constantFrom(...methods),
  path: fc.constantFrom(...paths),
  query: fc.oneof(
    fc.constant(''),
    fc
      .string({ unit: 'binary', maxLength: 40 })
      .map((text) => `?id=${encodeURIComponent(text.toWellFormed())}`),
    headerText.map((text) => `?${text.replaceAll(/[^!-~]/g, '')}`),
    fc.constantFrom('?id=%00', '?id=%FF%FE', '?id=%', '?id', '?id&id=2', '?=&&='),
  ),
  body,
  contentType,
  token: fc.oneof(fc.constant('good'), fc.constant(null), headerText),
  authorization: fc.oneof(
    fc.constant(null),
    headerText,
    fc
      .uint8Array({ maxLength: 40 })
      .map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
  ),
})

test('thousands of hostile requests never cause an unexpected error, and every failure has the shape of the wire contract', async () => {
  await using server = await startTestServer()
  const owner = await signUpAndLogIn(server.url, 'owner')

  await fc.assert(
    fc.asyncProperty(hostileRequest, async (request) => {
      const headers = new Headers()
      if (request.contentType !== '') headers.set('content-type', request.contentType)
      if (request.token !== null)
        headers.set('x-access-token', request.token === 'good' ? owner.token : request.token)
      if (request.authorization !== null) headers.set('authorization', request.authorization)
      const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
      const response = await fetch(new URL(`${request.path}${request.query}`, server.url), {
        method: request.method,
        headers,
        ...(hasBody && { body: request.body }),
      })
      const text = await response.text()
      expect(response.status).toBeLessThan(500)
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      if (response.status >= 400 && request.method !== 'HEAD') expectFailureShape(response, text)
    }),
    { numRuns: 4_000 },
  )
  expect(server.log.filter((line) => line.includes('"error"'))).toEqual([])
}, 300_000)

/** `{"message": {…}}` with at least one text: `error`, or one for each wrong member. */
function expectFailureShape(response: Response, text: string): void {
  expect(response.headers.get('content-type')).toStartWith('application/json')
  const answer: unknown = JSON.parse(text)
  expect(answer).toEqual({ message: expect.any(Object) })
  const { message } = answer as { message: Record<string, unknown> }
  expect(Object.keys(message).length).toBeGreaterThan(0)
  for (const value of Object.values(message)) expect(value).toEqual(expect.any(String))
}

const rawLine = fc.string({
  unit: fc.constantFrom(...'azAZ09/?&=%:.@#"<>{}[]|\\^`~ \t\u0000\u00ff'),
  maxLength: 30,
})
const rawRequest = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'DELETE', 'OPTIONS', 'FOO', ''),
    path: fc.constantFrom('/', '/users', '/records?id=', '/confirm/', '//', '*', 'http://x/users'),
    rest: rawLine,
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/9.9', ''),
    host: fc.oneof(
      fc.constant('Host: x'),
      fc.constant(''),
      rawLine.map((text) => `Host: ${text}`),
    ),
    header: rawLine,
  })
  .map(({ method, path, rest, version, host, header }) =>
    [`${method} ${path}${rest} ${version}`, host, header, 'Connection: close', '', ''].join('\r\n'),
  )

test('malformed HTTP is answered or cut, and never causes an unexpected error', async () => {
  await using server = await startTestServer()
  await fc.assert(
    fc.asyncProperty(rawRequest, async (request) => {
      const answer = await exchange(server.url, request)
      expect(answer).toMatch(/^$|^HTTP\/1\.1 ([1-4]\d\d|505) /)
    }),
    { numRuns: 500 },
  )
  expect(server.log.filter((line) => line.includes('"error"'))).toEqual([])
}, 300_000)

/** Returns the first data that the server sends in answer to these bytes; empty if it closes the connection. */
async function exchange(origin: URL, request: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = await Bun.connect({
    hostname: origin.hostname,
    port: Number(origin.port),
    socket: {
      data: (_, bytes) => resolve(bytes.toString('latin1')),
      close: () => resolve(''),
      error: () => resolve(''),
    },
  })
  socket.write(Buffer.from(request, 'latin1'))
  // Without the end of the stream, the server would wait for the rest of an incomplete request.
  socket.shutdown()
  try {
    return await promise
  } finally {
    socket.terminate()
  }
}
