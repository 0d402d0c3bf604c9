import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { copyFileSync, rmSync, statSync } from 'node:fs'
import { captureError } from '../support/capture-error'
import { createDataFolder } from '../support/data-folder'
import { aUser, sqliteDatabaseIn } from '../support/store'

async function openDatabase() {
  const folder = createDataFolder()
  const { store, upkeep } = await sqliteDatabaseIn(folder.path).openForServer({ create: true })
  if (upkeep === null) throw new Error('there is no upkeep')
  const addUser = async () => {
    const user = aUser()
    await store.write((tx) => tx.users.insert(user))
    return user.id
  }
  return {
    path: folder.database,
    store,
    upkeep,
    addUser,
    logSize: () => statSync(`${folder.database}-wal`).size,
    async [Symbol.asyncDispose]() {
      await store.close()
      folder[Symbol.dispose]()
    },
  }
}

/** Returns the users in a plain copy of a database file, without the files beside it. */
function usersInCopyOf(path: string): readonly string[] {
  const copy = `${path}.copy`
  copyFileSync(path, copy)
  using database = new Database(copy, { readonly: true })
  return database
    .query<{ id: string }, []>('select id from users order by seq')
    .all()
    .map(({ id }) => id)
}

describe('the upkeep of an open database', () => {
  test('moves the log into the file once nothing was written for three seconds', async () => {
    await using database = await openDatabase()
    const { path, upkeep, addUser, logSize } = database
    const users = [await addUser()]
    for (let second = 0; second < 3; second++) await upkeep()
    users.push(await addUser())
    for (let second = 0; second < 3; second++) await upkeep()
    expect(logSize()).toBeGreaterThan(0)
    await upkeep()
    expect(logSize()).toBe(0)
    expect(usersInCopyOf(path)).toEqual(users)
    // An empty log is left alone, and the next one is moved as well.
    for (let second = 0; second < 9; second++) await upkeep()
    users.push(await addUser())
    for (let second = 0; second < 4; second++) await upkeep()
    expect(usersInCopyOf(path)).toEqual(users)
  })

  test('counts what other processes write', async () => {
    await using database = await openDatabase()
    const { path, upkeep, addUser, logSize } = database
    await addUser()
    for (let second = 0; second < 3; second++) await upkeep()
    using other = new Database(path)
    other.run("update users set hint = 'x'")
    for (let second = 0; second < 3; second++) await upkeep()
    expect(logSize()).toBeGreaterThan(0)
    await upkeep()
    expect(logSize()).toBe(0)
  })

  test('waits for a process that still reads the older state', async () => {
    await using database = await openDatabase()
    const { path, upkeep, addUser, logSize } = database
    await addUser()
    const reader = new Database(path, { readonly: true })
    reader.run('begin')
    reader.query('select * from users').all()
    await addUser()
    for (let second = 0; second < 5; second++) await upkeep()
    expect(logSize()).toBeGreaterThan(0)
    reader.run('commit')
    reader.close()
    for (let second = 0; second < 4; second++) await upkeep()
    expect(logSize()).toBe(0)
  })

  test('leaves a transaction alone that is running', async () => {
    await using database = await openDatabase()
    const { store, upkeep, addUser, logSize } = database
    await addUser()
    for (let second = 0; second < 3; second++) await upkeep()
    await store.write(async (tx) => {
      await tx.users.insert(aUser())
      await upkeep()
    })
    expect(logSize()).toBeGreaterThan(0)
  })

  test('tells that the file is lost, refuses everything, and completes the deleted file', async () => {
    await using database = await openDatabase()
    const { path, store, upkeep, addUser, logSize } = database
    const id = await addUser()
    rmSync(path)
    const error = await captureError(upkeep())
    expect(error).toMatchObject({
      code: 'unavailable',
      message: `${path} was deleted or replaced while snailpass uses it`,
    })
    expect(logSize()).toBe(0)
    const deleted = /cp (\S+)/.exec(String(Object(error).hint))?.[1] ?? ''
    copyFileSync(deleted, path)
    expect(usersInCopyOf(path)).toEqual([id])

    const refused = { code: 'unavailable', message: 'The database is not responding' }
    const read = store.read((tx) => tx.users.findById(id))
    expect(await captureError(read)).toMatchObject(refused)
    expect(await captureError(addUser())).toMatchObject(refused)
    expect(await captureError(store.check())).toMatchObject(refused)
  })

  test('is not needed to refuse a write to a file that was deleted a moment ago', async () => {
    await using database = await openDatabase()
    await database.addUser()
    rmSync(database.path)
    expect(await captureError(database.addUser())).toMatchObject({ code: 'unavailable' })
  })
})
