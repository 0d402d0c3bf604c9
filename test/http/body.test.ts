import { describe, expect, test } from 'bun:test'
import { createJsonReader, parseIdParameter } from '../../src/http/read-body'
import { answerOf, failure, fieldErrors, problem } from '../support/answers'
import { createTestApi } from '../support/api'
import { manualTiming } from '../support/timing'

/* The maximum size of the members of a body is in read-body.test.ts. */

const maxBytes = 1_000
const json = { 'content-type': 'application/json' }

/** Returns a request whose body arrives in chunks, with or without its length. */
function requestOf(
  chunks: readonly (string | Uint8Array)[],
  headers: Record<string, string> = json,
): Request {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks)
        controller.enqueue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk)
      controller.close()
    },
  })
  return new Request('http://pi/users', { method: 'POST', headers, body })
}

const { wait } = manualTiming()
const read = createJsonReader({ maxBytes, wait })
const errorOf = (request: Request) =>
  read(request).then(
    (body) => body,
    (error: unknown) => error,
  )
const malformed = (message: string) => ({ status: 400, kind: 'Malformed Body', message })
const tooLarge = {
  status: 413,
  kind: 'Payload Too Large',
  message: 'The body is larger than 1000 bytes',
}

describe('a body', () => {
  test('may have exactly the maximum size, announced or not, in one chunk or in several', async () => {
    const largest = '{}'.padEnd(maxBytes)
    const chunks = [largest.slice(0, 1), largest.slice(1, 999), largest.slice(999)]
    for (const parts of [[largest], chunks]) {
      expect(await read(requestOf(parts))).toEqual({})
      expect(await read(requestOf(parts, { ...json, 'content-length': '1000' }))).toEqual({})
      expect(await errorOf(requestOf([...parts, ' ']))).toMatchObject(tooLarge)
    }
  })

  test('is refused by its announced length before a byte of it is read', async () => {
    const { ask } = createTestApi({ maxBody: maxBytes })
    const answerTo = (length: string) => {
      const headers = { ...json, 'content-length': length }
      return answerOf(ask('/users', { method: 'POST', headers, body: '{}' }))
    }
    const { missing } = problem
    expect(await answerTo('1000')).toEqual(
      fieldErrors({ id: missing, email: missing, master_password_hash: missing }),
    )
    expect(await answerTo('1001')).toEqual(
      failure(413, 'Payload Too Large. The body is larger than 1000 bytes'),
    )
    // On every route, also where no body is read and before the token is checked.
    for (const [method, path] of [
      ['DELETE', '/notes?id=x'],
      ['POST', '/records'],
      ['PUT', '/additional_fields'],
    ] as const) {
      const headers = { ...json, 'content-length': '1001' }
      expect((await ask(path, { method, headers, body: '{}' })).status, path).toBe(413)
      expect((await ask(path, { method, headers: json, body: '{}' })).status, path).toBe(400)
    }
  })

  test.each([
    ['application/json', true],
    ['APPLICATION/JSON;charset=UTF-8', true],
    ['application/json ; x=y', true],
    ['application/problem+json', true],
    ['application/vnd.a-b.c+json;v=1', true],
    ['text/json', false],
    ['application/jsonp', false],
    ['application/json+xml', false],
    ['application/+json', false],
    ['x application/json', false],
    ['', false],
  ])('of the type %p is read: %p', async (type, isRead) => {
    expect(await errorOf(requestOf(['{}'], { 'content-type': type }))).toMatchObject(
      isRead ? {} : malformed('The Content-Type must be application/json'),
    )
    const untyped = new Request('http://pi/', { method: 'POST', body: new Blob(['{}']) })
    expect(await errorOf(untyped)).toMatchObject(
      malformed('The Content-Type must be application/json'),
    )
  })

  test('is any JSON in UTF-8, and nothing else', async () => {
    expect(await read(requestOf(['nul', 'l']))).toBeNull()
    expect(await read(requestOf(['"é🐌"']))).toBe('é🐌')
    for (const chunks of [['{'], [new Uint8Array([0x22, 0xe9, 0x22])], ['undefined'], ['{} x']]) {
      expect(await errorOf(requestOf(chunks))).toMatchObject(
        malformed('The body is not valid JSON in UTF-8'),
      )
    }
    for (const request of [
      requestOf([]),
      requestOf([], { ...json, 'content-length': '0' }),
      new Request('http://pi/', { method: 'POST', headers: json }),
    ]) {
      expect(await errorOf(request)).toMatchObject(malformed('The body is empty'))
    }
  })

  test('that ends early is no bug', async () => {
    for (const headers of [json, { ...json, 'content-length': '10' }]) {
      const body = new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) })
      const request = new Request('http://pi/', { method: 'POST', headers, body })
      expect(await errorOf(request)).toMatchObject(malformed('The body ended early'))
    }
  })

  test('that takes a minute is refused, and its connection is closed', async () => {
    const timing = manualTiming()
    const slowRead = createJsonReader({ maxBytes, wait: timing.wait })
    const endless = () =>
      new Request('http://pi/', { method: 'POST', headers: json, body: new ReadableStream() })
    let outcome: unknown = null
    const reading = slowRead(endless()).catch((error: unknown) => {
      outcome = error
    })
    await timing.advance(59_999)
    expect(outcome).toBeNull()
    await timing.advance(1)
    await reading
    expect(outcome).toMatchObject({
      ...{ status: 408, kind: 'Request Timeout', message: 'The body took too long' },
      headers: { connection: 'close' },
    })
  })
})

describe('a large body', () => {
  const [progress, ten] = [64 * 1024, 10_000]

  /** A body that the test sends, and what came of reading it. */
  function startReading(size: number) {
    const timing = manualTiming()
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const request = new Request('http://pi/', { method: 'POST', headers: json, body: readable })
    const result: { value: unknown } = { value: null }
    const reading = createJsonReader({ maxBytes: size, isLarge: true, wait: timing.wait })(request)
      .catch((error: unknown) => error)
      .then((value) => {
        result.value = value
      })
    const write = (text: string) => writer.write(new TextEncoder().encode(text))
    return { timing, writer, write, result, reading }
  }

  test('may take any time, as long as it comes on', async () => {
    const { timing, writer, write, result, reading } = startReading(1_000_000)
    await write('"')
    for (let part = 0; part < 12; part++) {
      await timing.advance(ten - 1)
      await write('x'.repeat(progress))
      await timing.advance(1)
      expect(result.value).toBeNull()
    }
    await write('"')
    await writer.close()
    await reading
    expect(result.value).toBe('x'.repeat(12 * progress))
  })

  test('that comes too slowly is refused, and its connection is closed', async () => {
    const { timing, write, result, reading } = startReading(1_000_000)
    await write(`"${'x'.repeat(progress)}`)
    await timing.advance(ten)
    await write('x'.repeat(progress - 1))
    await timing.advance(ten - 1)
    expect(result.value).toBeNull()
    await timing.advance(1)
    await reading
    expect(result.value).toMatchObject({ status: 408, headers: { connection: 'close' } })
  })

  test('is refused once it is larger than it may be', async () => {
    const { write, result, reading } = startReading(maxBytes)
    await write('x'.repeat(maxBytes + 1))
    await reading
    expect(result.value).toMatchObject(tooLarge)
  })
})

test('the parameter id is the first one, and must not be empty', () => {
  const idOf = (query: string) => parseIdParameter(new Request(`http://pi/notes${query}`), 'Note')
  expect(idOf('?id=a&id=b')).toBe('a')
  expect(idOf('?x=1&id=%C3%A9%20x')).toBe('é x')
  for (const query of ['', '?id', '?id=', '?id=&id=b', '?ID=a']) {
    expect(() => idOf(query)).toThrow(
      expect.objectContaining({
        ...{
          status: 400,
          kind: 'Missing Parameter',
          message: 'Note id is missing in URI arguments',
        },
      }),
    )
  }
})
