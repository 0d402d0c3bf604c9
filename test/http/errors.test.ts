import { describe, expect, test } from 'bun:test'
import { DomainError, type ErrorCode } from '../../src/domain/errors'
import {
  FieldErrors,
  HttpError,
  malformedBody,
  missingParameter,
  tooLarge,
} from '../../src/http/http-error'
import { createRequestContexts } from '../../src/http/request-context'
import { createTestApi, handleRequest, headersOf } from '../support/api'
import { unbounded } from '../support/session'
import { aUser, signedIn } from '../support/store'

const user = signedIn(aUser({ id: 'u' }))

/** Returns the answer to DELETE /notes when its rule throws, with the log. */
async function answerTo(error: Error, method = 'DELETE') {
  const reject = () => Promise.reject(error)
  const { ask, lines } = createTestApi({
    sessions: { authenticate: () => Promise.resolve(user), open: reject },
    notes: { list: reject, add: reject, change: reject, delete: reject },
  })
  const headers = { 'x-access-token': 'any' }
  const answer = await ask('/notes?id=x', { method, headers })
  const { 'content-type': type, ...others } = headersOf(answer)
  expect(type).toStartWith('application/json')
  return { status: answer.status, body: await answer.json(), headers: others, lines }
}

const wire: Readonly<Record<ErrorCode, readonly [number, string, string?]>> = {
  invalid: [400, 'Missing Parameter'],
  unauthenticated: [401, 'Authentication Error'],
  forbidden: [403, 'Access Denied'],
  not_found: [404, 'Resource Not Found'],
  conflict: [409, 'Resource Already Exists'],
  outdated: [412, 'Outdated'],
  too_large: [413, 'Payload Too Large'],
  rate_limited: [429, 'Too Many Requests', '10'],
  vault_full: [507, 'Insufficient Storage'],
  unavailable: [503, 'Service Unavailable', '10'],
  storage_full: [507, 'Insufficient Storage'],
}
const transient = ['rate_limited', 'vault_full', 'unavailable', 'storage_full']

describe('an expected error', () => {
  test.each(Object.entries(wire) as [ErrorCode, readonly [number, string, string?]][])(
    'of the code %s is answered in the words of the wire contract, and logged only if it will pass',
    async (code, [status, kind, retryAfter]) => {
      const cause = new Error('a cause')
      expect(await answerTo(new DomainError(code, 'a reason', { cause }))).toEqual({
        status,
        body: { message: { error: `${kind}. a reason` } },
        headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
        lines: transient.includes(code)
          ? [
              {
                ...{ time: '1970-01-01T00:00:00.000Z', level: 'warn' },
                ...{ message: 'a reason: a cause', method: 'DELETE', route: '/notes' },
              },
            ]
          : [],
      })
    },
  )

  test('says itself how long to wait, also not at all', async () => {
    for (const retryAfter of [0, 7]) {
      const answer = await answerTo(new DomainError('rate_limited', 'wait', { retryAfter }))
      expect(answer.headers).toEqual({ 'retry-after': String(retryAfter) })
    }
  })

  test('of the request has the status, the headers and the words that it names', async () => {
    for (const [error, status, body, headers] of [
      [
        new HttpError(418, 'Teapot', 'short', { 'x-a': 'b' }),
        418,
        { error: 'Teapot. short' },
        { 'x-a': 'b' },
      ],
      [malformedBody('no JSON'), 400, { error: 'Malformed Body. no JSON' }, {}],
      [missingParameter('no id'), 400, { error: 'Missing Parameter. no id' }, {}],
      [tooLarge(5), 413, { error: 'Payload Too Large. The body is larger than 5 bytes' }, {}],
      [
        new FieldErrors({ id: 'missing', name: 'empty' }),
        400,
        { error: 'Invalid Parameter. id: missing; name: empty', id: 'missing', name: 'empty' },
        {},
      ],
    ] as const) {
      expect(await answerTo(error)).toEqual({ status, body: { message: body }, headers, lines: [] })
    }
  })
})

test('a bug is answered without a word of it, and logged whole', async () => {
  const error = new TypeError('a secret', { cause: new Error('the cause') })
  const { lines, ...answer } = await answerTo(error)
  expect(answer).toEqual({
    status: 500,
    body: {
      message: {
        error:
          "Unknown Error. Sorry, that error is on us, please contact support if this wasn't an accident",
      },
    },
    headers: {},
  })
  expect(lines).toEqual([
    {
      ...{ time: '1970-01-01T00:00:00.000Z', level: 'error', message: 'unexpected error' },
      ...{ method: 'DELETE', route: '/notes' },
      fault: expect.stringMatching(/TypeError: a secret[\s\S]*caused by Error: the cause/),
    },
  ])
})

describe('a request that matches no route', () => {
  test.each([
    ['GET', '/nothing', 404, 'Resource Not Found. There is nothing at this address', null],
    ['GET', '/notes/', 404, 'Resource Not Found. There is nothing at this address', null],
    ['GET', '/confirm/', 404, 'Resource Not Found. There is nothing at this address', null],
    ['GET', '/confirm/a/b', 404, 'Resource Not Found. There is nothing at this address', null],
    ['GET', '/ca-crt', 404, 'Resource Not Found. There is nothing at this address', null],
    [
      'PATCH',
      '/notes',
      405,
      'Method Not Allowed. This address takes OPTIONS, GET, HEAD, POST, PUT, DELETE',
      'OPTIONS, GET, HEAD, POST, PUT, DELETE',
    ],
    [
      'PUT',
      '/users',
      405,
      'Method Not Allowed. This address takes OPTIONS, POST, GET, HEAD',
      'OPTIONS, POST, GET, HEAD',
    ],
    [
      'POST',
      '/',
      405,
      'Method Not Allowed. This address takes OPTIONS, GET, HEAD',
      'OPTIONS, GET, HEAD',
    ],
    [
      'POST',
      '/ca.crt',
      405,
      'Method Not Allowed. This address takes OPTIONS, GET, HEAD',
      'OPTIONS, GET, HEAD',
    ],
    [
      'PUT',
      '/confirm/a.b',
      405,
      'Method Not Allowed. This address takes OPTIONS, GET, HEAD, POST',
      'OPTIONS, GET, HEAD, POST',
    ],
  ])('%s %s is answered %d', async (method, path, status, error, allow) => {
    const { ask } = createTestApi()
    const answer = await ask(path, { method })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({ message: { error } })
    expect(answer.headers.get('allow')).toBe(allow)
  })

  test('OPTIONS lists the methods of a path', async () => {
    const { ask } = createTestApi()
    const answer = await ask('/notes', { method: 'OPTIONS' })
    expect([answer.status, await answer.text(), headersOf(answer)]).toEqual([
      204,
      '',
      { allow: 'OPTIONS, GET, HEAD, POST, PUT, DELETE' },
    ])
    expect((await ask('/nothing', { method: 'OPTIONS' })).status).toBe(404)
  })

  test('is named in the log by the pattern of its path, or not at all', async () => {
    const { api } = createTestApi()
    const routeOf = async (path: string, method: string) => {
      const request = new Request(`http://pi${path}`, { method })
      await handleRequest(api, request)
      return api.contexts.get(request).route
    }
    expect(await routeOf('/confirm/secret', 'PUT')).toBe('/confirm/:token')
    expect(await routeOf('/secret', 'GET')).toBeNull()
    expect(await routeOf('/healthz', 'GET')).toBe('/healthz')
  })
})

test('of a request is known at its start what the listener knows, and the sender when it is asked for', () => {
  const contexts = createRequestContexts()
  const request = new Request('http://pi/')
  expect(() => contexts.get(request)).toThrow('a request without a context')
  let lookUps = 0
  const sender = { peer: '::1', client: { address: '::1', isSecure: false } }
  const lookUpSender = () => {
    lookUps++
    return sender
  }
  const context = contexts.open(request, lookUpSender)
  expect(context).toMatchObject({
    ...{ route: null, userId: null, isCut: false, isRoutine: false },
    ...unbounded,
  })
  expect(context.isCrowded()).toBe(false)
  expect(lookUps).toBe(0)
  expect([context.findSender(), context.findSender()]).toEqual([sender, sender])
  expect(lookUps).toBe(1)
  expect(contexts.get(request)).toBe(context)
  expect(contexts.open(new Request('http://pi/'), lookUpSender)).not.toBe(context)
})
