import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { engineFault } from '../../src/engine/faults'
import { captureError } from '../support/capture-error'
import { aUser, openSqliteStore, type SqliteTestStore, withRevision } from '../support/store'

describe('a database that another process has locked', () => {
  test('makes a writer wait until the lock is released', async () => {
    await using store = await openSqliteStore()
    const user = aUser()
    using lockHolder = holdWriteLock(store)
    let attempts = 0
    const writing = store.write((tx) => {
      attempts++
      return tx.users.insert(user)
    })
    // The retries leave the event loop free. Otherwise this line would not run before they end.
    await new Promise((resolve) => setImmediate(resolve))
    lockHolder.run('commit')
    expect(await writing).toBeTrue()
    expect(attempts).toBe(1)
  })

  test('does not stop a reader whose first attempts fail', async () => {
    await using store = await openSqliteStore()
    using _ = holdWriteLock(store)
    using other = new Database(store.path)
    const busy = faultOf(() => other.run('begin immediate'))
    const unreachable = faultOf(() => new Database('/nonexistent/database', { readonly: true }))
    const failures = [busy, unreachable, busy]
    const reading = store.read(async () => {
      const failure = failures.shift()
      if (failure !== undefined) throw failure
      return 'read'
    })
    expect(await reading).toBe('read')
    expect(await captureError(store.read(() => Promise.reject(unreachable)))).toMatchObject({
      code: 'unavailable',
      cause: unreachable,
    })
  })

  test('is unavailable after 7.5 seconds, and nothing is written', async () => {
    await using store = await openSqliteStore()
    const user = aUser()
    using lockHolder = holdWriteLock(store)
    let attempts = 0
    const writing = store.write((tx) => {
      attempts++
      return tx.users.insert(user)
    })
    expect(await captureError(writing)).toMatchObject({ code: 'unavailable' })
    lockHolder.run('rollback')
    expect(attempts).toBe(0)
    expect(await store.read((tx) => tx.users.findById(user.id))).toBeNull()
  })

  test('does not block the event loop, however many writers wait', async () => {
    await using store = await openSqliteStore()
    using lockHolder = holdWriteLock(store)
    const writers = Array.from({ length: 40 }, () => store.write((tx) => tx.users.insert(aUser())))
    await new Promise((resolve) => setImmediate(resolve))
    // SQLite itself does not wait, which would block: each attempt fails at once.
    expect(await store.runOnWriter('pragma busy_timeout')).toEqual([{ timeout: 0 }])
    lockHolder.run('commit')
    expect(await Promise.all(writers)).toEqual(Array(40).fill(true))
  })

  test('is still readable', async () => {
    await using store = await openSqliteStore()
    using _ = holdWriteLock(store)
    expect(await store.read((tx) => tx.users.findById('nobody'))).toBeNull()
  })
})

test('a full database refuses writes, keeps its rows and accepts writes again once there is space', async () => {
  await using store = await openSqliteStore()
  const user = aUser()
  await store.write((tx) => tx.users.insert(user))
  await store.runOnWriter('pragma max_page_count = 1')
  const writing = store.write((tx) => tx.users.insert(aUser({ hint: 'x'.repeat(50_000) })))
  expect(await captureError(writing)).toMatchObject({ code: 'storage_full' })
  expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))

  await store.runOnWriter('pragma max_page_count = 1000000')
  const later = aUser({ hint: 'x'.repeat(50_000) })
  await store.write((tx) => tx.users.insert(later))
  expect(await store.read((tx) => tx.users.findById(later.id))).toEqual(withRevision(later))
})

test('an error of our own is not an engine fault', () => {
  expect(engineFault(new TypeError('x'))).toBeNull()
  using database = new Database(':memory:')
  expect(engineFault(faultOf(() => database.run('select nonsense')))).toBeNull()
})

test('the handles are durable and strict', async () => {
  await using store = await openSqliteStore()
  // 2 is FULL: a commit is on the disk before it is confirmed. Only a power cut could show that, not a kill -9.
  expect(await store.runOnWriter('pragma synchronous')).toEqual([{ synchronous: 2 }])
  expect(await store.runOnWriter('pragma fullfsync')).toEqual([{ fullfsync: 1 }])
  expect(await store.runOnWriter('pragma foreign_keys')).toEqual([{ foreign_keys: 1 }])
  expect(await store.runOnWriter('pragma secure_delete')).toEqual([{ secure_delete: 1 }])
  using plain = new Database(store.path, { readonly: true })
  expect(plain.query('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' })
  const tables = plain
    .query("select name, strict from pragma_table_list where schema = 'main'")
    .all()
  expect(tables).toContainEqual({ name: 'users', strict: 1 })
  expect(tables).toContainEqual({ name: 'records', strict: 1 })
  expect(tables).toContainEqual({ name: 'notes', strict: 1 })
  expect(tables).toContainEqual({ name: 'additional_fields', strict: 1 })
  expect(tables).toContainEqual({ name: 'set_aside', strict: 1 })
})

/** Opens a second handle, as another process would, and holds the write lock until its transaction ends. */
function holdWriteLock({ path }: SqliteTestStore): Database {
  const lockHolder = new Database(path)
  lockHolder.run('begin immediate')
  return lockHolder
}

/** Returns what `work` throws: a genuine error of the engine. */
function faultOf(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
