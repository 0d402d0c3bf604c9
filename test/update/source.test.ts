import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findSmallFile, saveFile } from '../../src/update/files'
import { parsePlace } from '../../src/update/place'
import { openSource } from '../../src/update/source'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { manualTiming } from '../support/timing'
import { until } from '../support/until'

/** Nothing takes too long. */
const timing = manualTiming()

/** Serves one answer at every path. Counts the requests. */
function serveAnswer(answer: (url: URL) => Response) {
  const asked: string[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch({ url }) {
      asked.push(new URL(url).pathname)
      return answer(new URL(url))
    },
  })
  const place = parsePlace(`${server.url.href}release`, null)
  return {
    asked,
    url: server.url,
    source: openSource(place, timing),
    place,
    [Symbol.dispose]: () => void server.stop(true),
  }
}

const endless = (chunk: Uint8Array | null) =>
  new ReadableStream({
    pull(controller) {
      if (chunk === null) return new Promise<void>(() => {})
      controller.enqueue(chunk)
      return undefined
    },
  })

describe('a release at a URL', () => {
  const folder = temporaryFolder()
  afterAll(folder[Symbol.dispose])

  test('is read below the path of the URL, also by redirects on the same machine', async () => {
    using server = serveAnswer(({ pathname }) =>
      pathname === '/release/SHA256SUMS'
        ? Response.redirect('/other', 302)
        : new Response('the sums'),
    )
    const found = await findSmallFile(server.source, 'SHA256SUMS', 100)
    expect(Buffer.from(found ?? []).toString()).toBe('the sums')
    expect(server.asked).toEqual(['/release/SHA256SUMS', '/other'])
  })

  test('is not decompressed, even if the server says that it is compressed', async () => {
    const gzipped = Bun.gzipSync('content')
    using server = serveAnswer(
      () => new Response(gzipped, { headers: { 'content-encoding': 'gzip' } }),
    )
    const path = join(folder.path, 'gzipped')
    const file = 'x.tar.gz'
    const sum = await saveFile({
      ...{ source: server.source, file, path },
      ...{ maxBytes: 1_000, onProgress() {} },
    })
    expect(new Uint8Array(readFileSync(path))).toEqual(new Uint8Array(gzipped))
    expect(sum).toBe(new Bun.CryptoHasher('sha256').update(gzipped).digest('hex'))
  })

  test.each([
    ['another machine without HTTPS', 'http://example.org/', 'which is not https'],
    ['a file', 'file:///etc/passwd', 'which is not https'],
    ['nowhere', 'http://', 'which is not https'],
  ])('is refused if it is redirected to %s', async (_name, location, message) => {
    using server = serveAnswer(() => new Response(null, { status: 302, headers: { location } }))
    expect(await captureError(findSmallFile(server.source, 'SHA256SUMS', 100))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(message),
    })
  })

  test('is refused after a few redirects', async () => {
    using server = serveAnswer(() => Response.redirect('/again', 301))
    expect(await captureError(findSmallFile(server.source, 'SHA256SUMS', 100))).toMatchObject({
      message: expect.stringContaining('redirected more than 5 times'),
    })
    expect(server.asked).toHaveLength(6)
  })

  test('that is missing is told from one that the server fails to deliver', async () => {
    for (const [status, expected] of [
      [404, null],
      [410, null],
      [403, 'unavailable'],
      [500, 'unavailable'],
      [204, 'unavailable'],
      [206, 'unavailable'],
    ] as const) {
      using server = serveAnswer(() => new Response(null, { status }))
      const work = findSmallFile(server.source, 'SHA256SUMS', 100)
      if (expected === null) expect(await work).toBeNull()
      else {
        expect(await captureError(work)).toMatchObject({
          code: expected,
          message: expect.stringContaining(`the server answers with status ${status}`),
        })
      }
    }
  })

  test('that never ends is refused at its bound', async () => {
    using server = serveAnswer(() => new Response(endless(new Uint8Array(1_000))))
    const tooLarge = { code: 'conflict', message: 'SHA256SUMS is larger than 10000 bytes' }
    expect(await captureError(findSmallFile(server.source, 'SHA256SUMS', 10_000))).toMatchObject(
      tooLarge,
    )
    const path = join(folder.path, 'endless')
    const saved = { source: server.source, file: 'SHA256SUMS', path, maxBytes: 10_000 }
    expect(await captureError(saveFile({ ...saved, onProgress() {} }))).toMatchObject(tooLarge)
    expect(readFileSync(path).length).toBeLessThanOrEqual(10_000)
  })

  test('from a server that falls silent is given up', async () => {
    const clock = manualTiming()
    for (const answer of [
      () => new Promise<Response>(() => {}),
      () => new Response(endless(null)),
    ]) {
      using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer })
      const source = openSource(parsePlace(server.url.href, null), clock)
      const failed = captureError(findSmallFile(source, 'SHA256SUMS', 100))
      await until(() => clock.sleeping() > 0, 'the download')
      await clock.advance(30_000)
      expect(await failed).toMatchObject({
        code: 'unavailable',
        message: `can't download ${server.url.href}SHA256SUMS: nothing came for 30 seconds`,
      })
    }
  })

  test('that is complete after two hours is taken, and one that lasts a millisecond longer is given up', async () => {
    const limit = 2 * 3600_000
    for (const [time, expected] of [
      [limit, 'taken'],
      [limit + 1, 'given up'],
    ] as const) {
      using server = serveAnswer(() => new Response('x'))
      const times = [0]
      const source = openSource(server.place, {
        wait: timing.wait,
        monotonicClock: () => times.shift() ?? time,
      })
      const found = findSmallFile(source, 'SHA256SUMS', 100).then(
        () => 'taken',
        () => 'given up',
      )
      expect(await found).toBe(expected)
    }
  })

  test('that arrives too slowly to ever be complete is given up', async () => {
    using server = serveAnswer(() => new Response(endless(new Uint8Array(1))))
    let now = 0
    const slow = {
      wait: timing.wait,
      monotonicClock() {
        now += 3 * 3600_000
        return now
      },
    }
    const source = openSource(server.place, slow)
    expect(await captureError(findSmallFile(source, 'SHA256SUMS', 1_000_000))).toMatchObject({
      message: expect.stringContaining('it takes too long'),
    })
  })

  test('from a server that does not answer, or cuts the answer off, is an error with its reason', async () => {
    const gone = openSource(parsePlace('http://127.0.0.1:1/', null), timing)
    expect(await captureError(findSmallFile(gone, 'SHA256SUMS', 100))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining("can't download http://127.0.0.1:1/SHA256SUMS: "),
    })
    using server = Bun.listen({
      port: 0,
      hostname: '127.0.0.1',
      socket: {
        data(socket) {
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part')
        },
      },
    })
    const cut = openSource(parsePlace(`http://127.0.0.1:${server.port}/`, null), timing)
    expect(await captureError(findSmallFile(cut, 'SHA256SUMS', 100))).toMatchObject({
      code: 'unavailable',
    })
  })
})

describe('a release in a folder', () => {
  const folder = temporaryFolder()
  afterAll(folder[Symbol.dispose])
  const source = openSource(folder.path, timing)

  test('is read, and what is missing is null', async () => {
    writeFileSync(join(folder.path, 'SHA256SUMS'), 'the sums')
    const found = await findSmallFile(source, 'SHA256SUMS', 100)
    expect(Buffer.from(found ?? []).toString()).toBe('the sums')
    expect(await findSmallFile(source, 'missing', 100)).toBeNull()
    expect(await findSmallFile(openSource('/nonexistent', timing), 'x', 100)).toBeNull()
  })

  test('is refused if a file is too large, a folder or a pipe that nobody writes to', async () => {
    writeFileSync(join(folder.path, 'large'), new Uint8Array(101))
    mkdirSync(join(folder.path, 'folder'))
    Bun.spawnSync(['mkfifo', join(folder.path, 'pipe')])
    for (const [name, message] of [
      ['large', 'larger than 100 bytes'],
      ['folder', 'it is a folder'],
      ['pipe', 'it is a named pipe'],
    ] as const) {
      expect(await captureError(findSmallFile(source, name, 100))).toMatchObject({
        message: expect.stringContaining(message),
      })
    }
  })

  test('is never written over a file that is there', async () => {
    const path = join(folder.path, 'there')
    writeFileSync(path, 'theirs')
    const saved = { source, file: 'SHA256SUMS', path, maxBytes: 100, onProgress() {} }
    expect(await captureError(saveFile(saved))).toMatchObject({ code: 'EEXIST' })
    expect(existsSync(path) && readFileSync(path, 'utf8')).toBe('theirs')
  })
})
