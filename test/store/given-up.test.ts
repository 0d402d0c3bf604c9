import { describe, expect, test } from 'bun:test'
import type { Database, Timing } from '../../src/database/database'
import { operatorEvent } from '../../src/domain/audit'
import type { Store } from '../../src/domain/store'
import { temporaryFolder } from '../support/executable'
import { createPostgresDatabase } from '../support/postgres'
import { aUser, postgresDatabaseAt, sqliteDatabaseIn, withRevision } from '../support/store'
import { manualTiming } from '../support/timing'
import { until } from '../support/until'

const engines: readonly {
  engine: string
  open: () => Promise<AsyncDisposable & { at(timing: Timing): Database }>
}[] = [
  {
    engine: 'SQLite',
    async open() {
      const folder = temporaryFolder()
      return {
        at: (timing) => sqliteDatabaseIn(folder.path, timing),
        [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
      }
    },
  },
  {
    engine: 'Postgres',
    async open() {
      const database = await createPostgresDatabase()
      return {
        at: (timing) => postgresDatabaseAt(database.url, { timing }),
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    },
  },
]

/** Opens a store whose time passes only by `advance`. */
async function openStore(database: { at(timing: Timing): Database }) {
  const timing = manualTiming()
  const { store } = await database.at(timing).openForServer({ create: true })
  return {
    ...store,
    advance: timing.advance,
    now: timing.monotonicClock,
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** Records how work ends, without waiting for it. */
function observe(work: Promise<unknown>) {
  const outcome: { code?: string; result?: unknown } = {}
  work.then(
    (result) => Object.assign(outcome, { result }),
    ({ code }) => Object.assign(outcome, { code }),
  )
  return outcome
}

const findUser = (store: Store, id: string) => store.read((tx) => tx.users.findById(id))

describe.each(engines)('a transaction on $engine', ({ open }) => {
  test('is given up after 7.5 seconds, and what it has written by then is never committed', async () => {
    await using database = await open()
    await using store = await openStore(database)
    const [late, next] = [aUser(), aUser()]
    const { promise: slowWork, resolve: finish } = Promise.withResolvers<void>()
    const { promise: isWritten, resolve: reportWritten } = Promise.withResolvers<void>()
    const outcome = observe(
      store.write(async (tx) => {
        await tx.users.insert(late)
        tx.audit.record(operatorEvent(1, 'user-added', { userId: late.id, email: late.email }))
        reportWritten()
        await slowWork
      }),
    )
    await isWritten
    await store.advance(7_499)
    expect(outcome).toEqual({})
    await store.advance(1)
    expect(outcome).toEqual({ code: 'unavailable' })
    finish()
    // On SQLite this one waits for the end of the first.
    expect(await store.write((tx) => tx.users.insert(next))).toBeTrue()
    expect(await findUser(store, next.id)).toEqual(withRevision(next))
    expect(await findUser(store, late.id)).toBeNull()
    const log = { after: 0, limit: 9, since: null, user: null }
    expect(await store.read((tx) => tx.audit.list(log))).toEqual([])
  })

  test('is not committed for a client that is gone, or whose time is up', async () => {
    await using database = await open()
    await using store = await openStore(database)
    const bounds = { deadline: Number.POSITIVE_INFINITY, isAbandoned: false }
    const gone = aUser()
    const outcome = observe(
      store.write(async (tx) => {
        await tx.users.insert(gone)
        bounds.isAbandoned = true
      }, bounds),
    )
    await until(() => outcome.code !== undefined, 'the end of the transaction')
    expect(outcome).toEqual({ code: 'unavailable' })
    expect(await findUser(store, gone.id)).toBeNull()

    const late = { deadline: store.now() + 2_000, isAbandoned: false }
    const { promise: slowWork, resolve: finish } = Promise.withResolvers<void>()
    const ended = observe(store.write((tx) => tx.users.insert(gone).then(() => slowWork), late))
    await store.advance(1_999)
    expect(ended).toEqual({})
    await store.advance(1)
    expect(ended).toEqual({ code: 'unavailable' })
    finish()
    expect(await findUser(store, gone.id)).toBeNull()
  })

  test('that reads is given up after 7.5 seconds as well', async () => {
    await using database = await open()
    await using store = await openStore(database)
    const { promise: slowWork, resolve: finish } = Promise.withResolvers<void>()
    const outcome = observe(store.read(() => slowWork))
    await store.advance(7_499)
    expect(outcome).toEqual({})
    await store.advance(1)
    expect(outcome).toEqual({ code: 'unavailable' })
    finish()
    expect(await findUser(store, 'nobody')).toBeNull()
  })
})

test('a check of a SQLite file whose writer is busy is given up after two seconds', async () => {
  const [sqlite] = engines
  if (sqlite === undefined) throw new Error('no engine')
  await using database = await sqlite.open()
  await using store = await openStore(database)
  const { promise: slowWork, resolve: finish } = Promise.withResolvers<void>()
  const writing = store.write(() => slowWork)
  const outcome = observe(store.check())
  await store.advance(1_999)
  expect(outcome).toEqual({})
  await store.advance(1)
  expect(outcome).toEqual({ code: 'unavailable' })
  finish()
  await writing
  expect(await store.check()).toBeUndefined()
})
