import { describe, expect, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { createAnswerBudget } from '../../src/domain/answer-budget'
import { createAnswerCache } from '../../src/domain/answer-cache'
import { DomainError } from '../../src/domain/errors'
import type { Note } from '../../src/domain/vault'
import { createClientResolver } from '../../src/http/client'
import { listen } from '../../src/http/listener'
import { fromNote } from '../../src/http/schemas'
import { createLog } from '../../src/log'
import { createTestApi } from '../support/api'
import { captureError } from '../support/capture-error'
import { aUser, signedIn } from '../support/store'
import { manualTiming } from '../support/timing'
import { until } from '../support/until'

const megabyte = 1024 ** 2

function aNote(id: string, length: number, text = 'x'): Note {
  return {
    ...{ id, owner: 'u', name: 'a:b', content: `${text.repeat(length)}:` },
    ...{ isFavorite: false, isTrashed: false, creationTime: 0, updateTime: 0 },
  }
}

/** A server whose accounts have these notes, with a budget of so many bytes, of which an account has half. */
function startListServer(
  notesOf: Readonly<Record<string, readonly Note[]>>,
  { maxBytes = 60 * megabyte, cacheBytes = 0 } = {},
) {
  const timing = manualTiming()
  let reads = 0
  const revisions: Record<string, number> = {}
  let reading = Promise.resolve()
  const cache = createAnswerCache({ maxBytes: cacheBytes, ...timing })
  const budget = createAnswerBudget({ maxBytes, maxAccountBytes: maxBytes / 2, cache, ...timing })
  /** The accounts whose answers were counted, each time with less than 1 MB. */
  const small: string[] = []
  const reject = () => Promise.reject(new Error('the test gives no such rule'))
  const { api, lines } = createTestApi({
    ...timing,
    answerCache: cache,
    answerBudget: {
      ...budget,
      tryHold(demand) {
        if (demand.bytes < megabyte) small.push(demand.account)
        return budget.tryHold(demand)
      },
    },
    sessions: {
      authenticate(id) {
        const revision = revisions[id] ?? 0
        return { ...signedIn(aUser({ id })), revision, vaultState: `${id}.${revision}` }
      },
      open: reject,
    },
    notes: {
      ...{ add: reject, change: reject, delete: reject },
      async list({ user }) {
        reads++
        await reading
        return notesOf[user.id] ?? []
      },
    },
  })
  const listener = listen(
    api,
    { hostname: '127.0.0.1', port: 0 },
    {
      ...{ certificates: null, ...timing },
      log: createLog('json', timing.clock, () => {}),
      resolveClient: createClientResolver(() => false),
    },
  )
  const sockets: Socket[] = []
  const request = (account: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(new URL('/notes', listener.url), {
      headers: { 'x-access-token': account, ...headers },
      keepalive: false,
    })
  return {
    request,
    ...{ timing, lines, small, cache, revisions },
    reads: () => reads,
    /** Whether no answer holds memory. */
    isFree: () => budget.hasRoom(maxBytes),
    /** Lets no list be read until the promise is resolved. */
    holdReads(until: Promise<void>) {
      reading = until
    },
    /** Resolves when an answer waits for memory. */
    untilWaiting: () => until(() => (timing.sleeping() > 0 ? true : null), 'an answer to wait'),
    /** Returns the notes of an account. Rejects if the answer is not complete. */
    async get(account: string): Promise<string> {
      return await (await request(account)).text()
    },
    /** Asks for the notes of an account and takes nothing of the answer. Returns the socket. */
    async stall(account: string): Promise<Socket> {
      const socket = connect(Number(listener.url.port), '127.0.0.1')
      sockets.push(socket)
      socket.on('error', () => {})
      await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
      socket.pause()
      const before = reads
      socket.write(`GET /notes HTTP/1.1\r\nHost: pi\r\nx-access-token: ${account}\r\n\r\n`)
      await until(() => (reads > before ? true : null), 'the list to be read')
      return socket
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await listener.stop({ now: true })
    },
  }
}

/** Much more than the system takes for a client that takes nothing, up to 10 MB. */
const large = [...'abcdefghijklmnopqrstuvwx'].map((id) => aNote(id, megabyte))

const jsonOf = (notes: readonly Note[]) => JSON.stringify(notes.map(fromNote))

describe('a large list', () => {
  test('is the same text in parts as it is as a whole', async () => {
    const lists = {
      whole: [aNote('a', 1000), aNote('b', 1000)],
      one: [aNote('a', 2 * megabyte)],
      large,
      rows: Array.from({ length: 20_000 }, (_, index) => aNote(`n${index}`, index % 50)),
      mixed: [1, 3 * megabyte, 1, 2, 128 * 1024, 128 * 1024 - 360, 3].map((length, index) =>
        aNote(`m${index}`, length),
      ),
      unicode: ['é', '漢', '🐌', '"', '\\', '\n'].map((text) => aNote(text, 300_000, text)),
    }
    await using server = startListServer(lists)
    for (const [name, list] of Object.entries(lists)) {
      expect((await server.get(name)) === jsonOf(list), name).toBeTrue()
      expect(await server.get(name)).toHaveLength(jsonOf(list).length)
    }
    expect(server.small).toEqual([])
  })

  test('is not read while slow clients of the account have its memory, and cut when its time is up', async () => {
    await using server = startListServer({ a: large, b: large })
    await server.stall('a')
    expect(await server.get('b')).toBe(jsonOf(large))
    const waiting = server.get('a').catch(() => 'cut')
    await server.untilWaiting()
    await server.timing.advance(7_499)
    const second = server.get('b')
    expect(await second).toBe(jsonOf(large))
    expect(server.reads()).toBe(3)
    await server.timing.advance(1)
    expect(await waiting).toBe('cut')
    expect(server.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'Too many answers are under way' }),
    )
  })

  test('frees what was held for it, also if it is much shorter than the one before', async () => {
    const shorter = [aNote('a', 2 * megabyte)]
    const lists = { a: large }
    await using server = startListServer(lists)
    for (const list of [large, shorter, large, shorter, large]) {
      lists.a = list
      expect((await server.get('a')) === jsonOf(list)).toBeTrue()
    }
  })

  test('is sent once a slow client of the account is gone', async () => {
    await using server = startListServer({ a: large })
    const slow = await server.stall('a')
    const waiting = server.get('a')
    await server.untilWaiting()
    slow.destroy()
    expect(await waiting).toBe(jsonOf(large))
    expect(await server.get('a')).toBe(jsonOf(large))
  })

  test('of a slow client gives way in the end, so that the client sees that it is not complete', async () => {
    await using server = startListServer({ a: large })
    const slow = await server.stall('a')
    await server.timing.advance(120_000)
    expect(await server.get('a')).toBe(jsonOf(large))
    const closed = new Promise<string>((resolve) => {
      let end = ''
      slow.on('data', (bytes) => {
        end = (end + String(bytes)).slice(-100)
      })
      slow.on('close', () => resolve(end))
    })
    slow.resume()
    expect(await closed).not.toContain('\r\n0\r\n')
    expect(server.lines).toEqual([
      expect.objectContaining({
        ...{ level: 'warn', route: '/notes', user: 'a' },
        message: 'an answer to a slow client is cut, since others need the memory',
      }),
    ])
  })

  test('takes no memory after it could not be read, or has become small', async () => {
    const lists: Record<string, readonly Note[]> = { a: large }
    await using server = startListServer(lists)
    expect(await server.get('a')).toBe(jsonOf(large))
    const failing = Promise.reject(new DomainError('unavailable', 'no database'))
    failing.catch(() => {})
    server.holdReads(failing)
    expect(await captureError(server.get('a'))).toBeInstanceOf(Error)
    expect(server.isFree()).toBeTrue()
    server.holdReads(Promise.resolve())
    lists['a'] = [aNote('a', 1_000)]
    expect(await server.get('a')).toBe(jsonOf(lists['a']))
    expect(server.isFree()).toBeTrue()
  })

  test('takes its memory alone, after it has grown', async () => {
    const lists: Record<string, readonly Note[]> = { a: [aNote('a', 2 * megabyte)] }
    await using server = startListServer(lists)
    expect(await server.get('a')).toBe(jsonOf(lists['a'] ?? []))
    lists['a'] = large
    expect(await server.get('a')).toBe(jsonOf(large))
    expect(server.isFree()).toBeTrue()
  })

  test('that turns out to be large while others have the memory is read again once it is free', async () => {
    // Besides what is left of one, there is no room for another.
    await using server = startListServer({ a: large, b: large }, { maxBytes: 46 * megabyte })
    const slow = await server.stall('a')
    const answer = server.get('b')
    await server.untilWaiting()
    expect(server.reads()).toBe(2)
    slow.destroy()
    await until(() => (server.reads() === 3 ? true : null), 'the list to be read again')
    expect(await answer).toBe(jsonOf(large))
    expect(server.isFree()).toBeTrue()
  })

  test('whose client leaves while it is read takes no memory afterwards', async () => {
    await using server = startListServer({ a: large })
    const { promise, resolve } = Promise.withResolvers<void>()
    server.holdReads(promise)
    for (const slow of [await server.stall('a'), await server.stall('a')]) slow.destroy()
    await Bun.sleep(50)
    resolve()
    expect(await server.get('a')).toBe(jsonOf(large))
  })
})

test('a small list counts while many answers are under way, and a tiny one never', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `slow${index}`)
  const lists = {
    ...Object.fromEntries(names.map((name) => [name, large])),
    ...{ small: [aNote('a', 100_000)], tiny: [aNote('a', 10_000)] },
  }
  await using server = startListServer(lists, { maxBytes: 9_999 * megabyte })
  expect(await server.get('small')).toBe(jsonOf(lists.small))
  expect(server.small).toEqual([])
  for (const name of names) await server.stall(name)
  for (const name of ['small', 'tiny'] as const)
    expect(await server.get(name)).toBe(jsonOf(lists[name]))
  expect(server.small).toEqual(['small'])
})

test('a small list that was requested before counts too while many answers are under way, and is not read again', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `slow${index}`)
  const lists = {
    ...Object.fromEntries(names.map((name) => [name, large])),
    small: [aNote('a', 50_000, 'é'), aNote('b', 50_000)],
  }
  const maxBytes = { maxBytes: 9_999 * megabyte, cacheBytes: megabyte }
  await using server = startListServer(lists, maxBytes)
  expect(await server.get('small')).toBe(jsonOf(lists.small))
  for (const name of names) await server.stall(name)
  const before = server.reads()
  expect(await server.get('small')).toBe(jsonOf(lists.small))
  expect(server.small).toEqual(['small'])
  expect(server.reads()).toBe(before)
})

test('lists that are only being read make no other list count', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `reader${index}`)
  const lists = Object.fromEntries(names.map((name) => [name, [aNote('a', 100_000)]]))
  await using server = startListServer(lists, { cacheBytes: 20 * megabyte })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.holdReads(promise)
  const answers = names.map((name) => server.get(name))
  await until(() => server.reads() === names.length || null, 'all lists to be read')
  resolve()
  for (const answer of answers) expect(await answer).toBe(jsonOf([aNote('a', 100_000)]))
  expect(server.small).toEqual([])
})

describe('a list that was requested before', () => {
  const lists = { a: [aNote('a', 1_000)], b: [aNote('b', 1_000)], large, none: [] }
  const maxBytes = { cacheBytes: megabyte }

  test('is read again only in another state of the vault, and for another account', async () => {
    await using server = startListServer(lists, maxBytes)
    const reads = async (account: 'a' | 'b') => {
      const before = server.reads()
      expect(await server.get(account)).toBe(jsonOf(lists[account]))
      return server.reads() - before
    }
    expect([await reads('a'), await reads('a'), await reads('b'), await reads('a')]).toEqual([
      ...[1, 0, 1, 0],
    ])
    server.revisions['a'] = 1
    expect([await reads('a'), await reads('a'), await reads('b')]).toEqual([1, 0, 0])
  })

  test('is read again if it is large, or empty', async () => {
    await using server = startListServer(lists, maxBytes)
    for (const account of ['large', 'none']) {
      await server.get(account)
      const before = server.reads()
      await server.get(account)
      expect(server.reads() - before).toBe(1)
    }
    expect(server.cache.bytes).toBe(0)
  })

  test('has the same bytes and headers as at first', async () => {
    await using server = startListServer(lists, maxBytes)
    const answers = [await server.request('a'), await server.request('a')]
    const [first, second] = await Promise.all(
      answers.map(async (answer) => {
        const headers = Object.fromEntries(answer.headers)
        return { headers: { ...headers, date: '' }, body: await answer.text() }
      }),
    )
    expect(second).toEqual(first)
    expect(first?.headers).toMatchObject({
      'content-type': 'application/json;charset=utf-8',
      etag: 'W/"a.0"',
    })
  })

  test('is read again while large answers take the whole memory', async () => {
    await using server = startListServer(lists, { maxBytes: 10 * megabyte, cacheBytes: megabyte })
    await server.get('a')
    expect(server.cache.bytes).toBeGreaterThan(0)
    await server.stall('large')
    expect(server.cache.bytes).toBe(0)
    await server.get('a')
    expect(server.cache.bytes).toBe(0)
  })
})
