import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolveSqliteLocation } from '../../src/database/sqlite-location'
import { lockSqliteDatabase } from '../../src/database/sqlite-lock'
import { backUpStoppedDatabase, restoreCopy } from '../../src/database/sqlite-rollback'
import { captureError } from '../support/capture-error'
import { createDataFolder, modeOf } from '../support/data-folder'
import { aUser, sqliteDatabaseIn, virtualTiming } from '../support/store'

/** Creates a database with one user. Returns its location, and the paths that an upgrade uses. */
async function createDatabase() {
  const folder = createDataFolder()
  const location = resolveSqliteLocation(folder.database, folder.path)
  const userId = await addUser(folder.path)
  return {
    folder,
    location,
    userId,
    copy: join(folder.path, 'copy.db'),
    replacedCopy: join(folder.path, 'replaced.db'),
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

async function addUser(folder: string): Promise<string> {
  const { store } = await sqliteDatabaseIn(folder).openForServer({ create: true })
  const user = aUser()
  await store.write((tx) => tx.users.insert(user))
  await store.close()
  return user.id
}

function listUserIds(path: string): unknown[] {
  using database = new Database(path, { readonly: true })
  return database.query<{ id: string }, []>('select id from users order by seq').values().flat()
}

const { wait } = virtualTiming()

describe('the backup of a stopped database', () => {
  test('is complete and private, and replaces an interrupted one', async () => {
    using database = await createDatabase()
    writeFileSync(`${database.copy}.new`, 'a part')
    await backUpStoppedDatabase(database.location, database.copy, wait)
    expect(listUserIds(database.copy)).toEqual([database.userId])
    expect(modeOf(database.copy)).toBe('600')
    expect(existsSync(`${database.copy}.new`)).toBeFalse()
  })

  test('leaves nothing of itself when it fails, as on a full disk', async () => {
    using database = await createDatabase()
    const { location, copy } = database
    // The last pages are copied last: most of the copy has been written by then.
    using open = new Database(location.path)
    open.run(
      'create table long as with n(i) as (select 1 union all select i + 1 from n limit 3000) select hex(randomblob(100)) from n',
    )
    open.run('pragma wal_checkpoint(truncate)')
    open.close()
    const bytes = readFileSync(location.path)
    writeFileSync(location.path, bytes.fill(0xff, bytes.length - 20_000))
    const before = readdirSync(database.folder.path)
    expect(await captureError(backUpStoppedDatabase(location, copy, wait))).toMatchObject({
      code: 'unavailable',
    })
    expect(new Set(readdirSync(database.folder.path))).toEqual(new Set([...before, 'server.lock']))
  })

  test('is refused while another process uses the database', async () => {
    using database = await createDatabase()
    const { location, copy } = database
    const lock = lockSqliteDatabase(location)
    expect(await captureError(backUpStoppedDatabase(location, copy, wait))).toMatchObject({
      code: 'conflict',
      message: `${location.path} is in use by another snailpass process`,
    })
    lock.release()
    expect(existsSync(copy)).toBeFalse()
  })

  test('waits for a process that is about to end', async () => {
    using database = await createDatabase()
    const { location, copy } = database
    const lock = lockSqliteDatabase(location)
    const waits: number[] = []
    await backUpStoppedDatabase(location, copy, (milliseconds) => {
      if (waits.push(milliseconds) === 3) lock.release()
      return Promise.resolve()
    })
    expect(waits).toEqual([100, 100, 100])
    expect(listUserIds(copy)).toEqual([database.userId])
  })
})

describe('the rollback to a copy', () => {
  test('replaces the database and keeps the replaced file', async () => {
    using database = await createDatabase()
    const { location, copy, replacedCopy, userId } = database
    await backUpStoppedDatabase(location, copy, wait)
    const newUserId = await addUser(database.folder.path)
    await restoreCopy(location, { copy, replacedCopy }, wait)
    expect(listUserIds(location.path)).toEqual([userId])
    expect(listUserIds(replacedCopy)).toEqual([userId, newUserId])
    expect(existsSync(copy)).toBeFalse()
  })

  test('moves a log that still exists with the replaced file, so that it is not applied to the copy', async () => {
    using database = await createDatabase()
    const { location, copy, replacedCopy, userId } = database
    await backUpStoppedDatabase(location, copy, wait)
    // SQLite keeps the log for as long as this handle is open.
    using reader = new Database(location.path)
    reader.query('select count(*) from users').get()
    expect(existsSync(`${location.path}-wal`)).toBeTrue()
    await restoreCopy(location, { copy, replacedCopy }, wait)
    expect(readdirSync(database.folder.path).sort()).toEqual([
      'replaced.db',
      'replaced.db-shm',
      'replaced.db-wal',
      'server.lock',
      'snailpass.db',
    ])
    expect(listUserIds(location.path)).toEqual([userId])
  })

  test('moves the log that a killed server left into the replaced file', async () => {
    using database = await createDatabase()
    const { folder, location, copy, replacedCopy, userId } = database
    await backUpStoppedDatabase(location, copy, wait)
    const { store } = await sqliteDatabaseIn(folder.path).openForServer({ create: false })
    const user = aUser()
    await store.write((tx) => tx.users.insert(user))
    // What the server would leave if it were killed now.
    const ends = ['', '-wal']
    for (const end of ends) copyFileSync(`${location.path}${end}`, `${location.path}-kept${end}`)
    await store.close()
    for (const end of ends) copyFileSync(`${location.path}-kept${end}`, `${location.path}${end}`)
    await restoreCopy(location, { copy, replacedCopy }, wait)
    expect(existsSync(`${replacedCopy}-wal`)).toBeFalse()
    expect(listUserIds(replacedCopy)).toEqual([userId, user.id])
    expect(listUserIds(location.path)).toEqual([userId])
  })

  test('that is done already changes nothing', async () => {
    using database = await createDatabase()
    const { location, copy, replacedCopy, userId } = database
    await restoreCopy(location, { copy, replacedCopy }, wait)
    expect(listUserIds(location.path)).toEqual([userId])
    expect(existsSync(replacedCopy)).toBeFalse()
  })
})
