import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { engineFault } from '../../src/engine/sqlite-faults'
import { aStore, aUser } from '../support/store'

describe('a database that another process holds', () => {
  test('keeps a writer waiting until it lets go', async () => {
    using store = await aStore()
    const user = aUser()
    using other = new Database(store.path)
    other.run('begin immediate')
    let attempts = 0
    const writing = store.write((scope) => {
      attempts++
      return scope.users.insert(user)
    })
    // The tries leave the event loop free, or this line would not run before they end.
    await new Promise((resolve) => setImmediate(resolve))
    other.run('commit')
    expect(await writing).toBeTrue()
    expect(attempts).toBe(1)
  })

  test('is unavailable after ten seconds of waiting, and nothing was written', async () => {
    using store = await aStore()
    const user = aUser()
    using other = new Database(store.path)
    other.run('begin immediate')
    let attempts = 0
    const writing = store.write((scope) => {
      attempts++
      return scope.users.insert(user)
    })
    await expect(writing).rejects.toMatchObject({ code: 'unavailable' })
    other.run('rollback')
    expect(attempts).toBe(0)
    expect(await store.read((scope) => scope.users.findById(user.id))).toBeNull()
  })

  test('still answers readers', async () => {
    using store = await aStore()
    using other = new Database(store.path)
    other.run('begin immediate')
    expect(await store.read((scope) => scope.users.findById('nobody'))).toBeNull()
  })
})

test('a full database refuses writes, keeps what it has and goes on when there is space', async () => {
  using store = await aStore()
  const user = aUser()
  await store.write((scope) => scope.users.insert(user))
  await store.onWriter('pragma max_page_count = 1')
  const writing = store.write((scope) => scope.users.insert(aUser({ hint: 'x'.repeat(50_000) })))
  await expect(writing).rejects.toMatchObject({ code: 'storage_full' })
  expect(await store.read((scope) => scope.users.findById(user.id))).toEqual(user)

  await store.onWriter('pragma max_page_count = 1000000')
  const later = aUser({ hint: 'x'.repeat(50_000) })
  await store.write((scope) => scope.users.insert(later))
  expect(await store.read((scope) => scope.users.findById(later.id))).toEqual(later)
})

test('a fault of ours is no engine fault', () => {
  expect(engineFault(new TypeError('x'))).toBeNull()
  using database = new Database(':memory:')
  expect(() => database.run('select nonsense')).toThrow()
  try {
    database.run('select nonsense')
  } catch (error) {
    expect(engineFault(error)).toBeNull()
  }
})

test('the handles are as durable and as strict as they must be', async () => {
  using store = await aStore()
  using plain = new Database(store.path, { readonly: true })
  expect(plain.query('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' })
  const tables = plain
    .query("select name, strict from pragma_table_list where schema = 'main'")
    .all()
  expect(tables).toContainEqual({ name: 'users', strict: 1 })
  expect(tables).toContainEqual({ name: 'records', strict: 1 })
  expect(tables).toContainEqual({ name: 'notes', strict: 1 })
  expect(tables).toContainEqual({ name: 'additional_fields', strict: 1 })
})
