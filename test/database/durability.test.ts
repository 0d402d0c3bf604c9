import { Database } from 'bun:sqlite'
import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { copyDatabaseFile } from '../../src/database/sqlite-file'
import { resolveSqliteLocation } from '../../src/database/sqlite-location'
import { backUpStoppedDatabase, restoreCopy } from '../../src/database/sqlite-rollback'
import { captureError } from '../support/capture-error'
import { createDataFolder, modeOf } from '../support/data-folder'
import { recordFileOperations } from '../support/file-operations'
import { listOpenFiles } from '../support/open-files'
import { sqliteDatabaseIn, virtualTiming } from '../support/store'

const { wait } = virtualTiming()

/** Creates a database without users. Returns its location, and the paths that an upgrade uses. */
async function createDatabase() {
  const folder = createDataFolder()
  const { store } = await sqliteDatabaseIn(folder.path).openForServer({ create: true })
  await store.close()
  return {
    folder: folder.path,
    location: resolveSqliteLocation(folder.database, folder.path),
    copy: join(folder.path, 'copy.db'),
    replacedCopy: join(folder.path, 'replaced.db'),
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

describe('what survives a power cut once the call returns', () => {
  test('a new database: complete before it has its name', async () => {
    using folder = createDataFolder()
    using recording = recordFileOperations(folder.path)
    const { store } = await sqliteDatabaseIn(folder.path).openForServer({ create: true })
    expect(recording.take()).toEqual([
      'sync snailpass.db.new',
      'rename snailpass.db.new to snailpass.db',
      'sync .',
    ])
    await store.close()
  })

  test('a copy of a database', async () => {
    using database = await createDatabase()
    using recording = recordFileOperations(database.folder)
    await copyDatabaseFile(database.location.path, database.copy)
    expect(recording.take()).toEqual(['sync copy.db', 'sync .'])
    expect(modeOf(database.copy)).toBe('600')
    expect(listOpenFiles(database.folder)).toEqual([])
  })

  test('a copy of a database with the last change that is made to it', async () => {
    using database = await createDatabase()
    {
      using file = new Database(database.location.path)
      file.run("insert into facts values ('generation', '1')")
    }
    const { fsyncSync } = fs
    const synced: Buffer[] = []
    using _ = spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
      fsyncSync(descriptor)
      synced.push(fs.readFileSync(database.copy))
    })
    await copyDatabaseFile(database.location.path, database.copy)
    const copy = fs.readFileSync(database.copy)
    expect(synced.map((bytes) => bytes.equals(copy))).toEqual([true, true])
    using file = new Database(database.copy, { readonly: true })
    expect(file.query("select name from facts where name = 'generation'").all()).toEqual([])
  })

  test('the backup from before a migration', async () => {
    using database = await createDatabase()
    using recording = recordFileOperations(database.folder)
    const backupPath = await sqliteDatabaseIn(database.folder, {
      clock: () => Date.UTC(2026, 10, 24, 1, 2, 3, 4),
      monotonicClock: () => 0,
      wait,
    }).withExclusive({ create: false }, (exclusive) => exclusive.backUp('migration'))
    expect(backupPath).toBe(
      join(database.folder, 'snailpass-before-migration-20261124T010203004Z.db'),
    )
    expect(recording.take()).toEqual([
      'sync snailpass-before-migration-20261124T010203004Z.db',
      'sync .',
    ])
  })

  test('a lost database that is set aside, before the new one has its name', async () => {
    using database = await createDatabase()
    fs.writeFileSync(database.location.path, '')
    using recording = recordFileOperations(database.folder)
    const moved: string[] = []
    await sqliteDatabaseIn(database.folder, {
      clock: () => Date.UTC(2026, 10, 24, 1, 2, 3, 4),
      monotonicClock: () => 0,
      wait,
    }).withExclusive({ create: true, onSetAside: (paths) => moved.push(...paths) }, () =>
      Promise.resolve(),
    )
    const aside = 'snailpass.db-damaged-20261124T010203004Z'
    expect(moved).toEqual([join(database.folder, aside)])
    expect(recording.take()).toEqual([
      'sync snailpass.db.new',
      `rename snailpass.db to ${aside}`,
      'sync .',
      'rename snailpass.db.new to snailpass.db',
      'sync .',
    ])
  })

  test('the copy from before an upgrade, and the database that returns from it', async () => {
    using database = await createDatabase()
    const { location, copy, replacedCopy } = database
    using recording = recordFileOperations(database.folder)
    await backUpStoppedDatabase(location, copy, wait)
    expect(recording.take()).toEqual([
      'sync copy.db.new',
      'sync .',
      'rename copy.db.new to copy.db',
      'sync .',
    ])
    await restoreCopy(location, { copy, replacedCopy }, wait)
    expect(recording.take()).toEqual([
      'link snailpass.db to replaced.db',
      'rename copy.db to snailpass.db',
      'sync .',
    ])
  })

  test('the replaced file where there are no hard links', async () => {
    using database = await createDatabase()
    const { location, copy, replacedCopy } = database
    await backUpStoppedDatabase(location, copy, wait)
    const replaced = fs.readFileSync(location.path)
    using recording = recordFileOperations(database.folder)
    using _ = spyOn(fs, 'linkSync').mockImplementation(() => {
      throw Object.assign(new Error('EPERM: operation not permitted, link'), { syscall: 'link' })
    })
    await restoreCopy(location, { copy, replacedCopy }, wait)
    expect(recording.take()).toEqual([
      'copy snailpass.db to replaced.db',
      'sync replaced.db',
      'rename copy.db to snailpass.db',
      'sync .',
    ])
    expect(fs.readFileSync(replacedCopy).equals(replaced)).toBeTrue()
  })
})

describe('the rollback to a copy', () => {
  test('is refused while another process uses the database, after ten seconds, and changes nothing', async () => {
    using database = await createDatabase()
    const { location, copy, replacedCopy } = database
    await backUpStoppedDatabase(location, copy, wait)
    const { store } = await sqliteDatabaseIn(database.folder).openForServer({ create: false })
    const waits: number[] = []
    const refused = restoreCopy(location, { copy, replacedCopy }, async (milliseconds) => {
      waits.push(milliseconds)
    })
    expect(await captureError(refused)).toMatchObject({ code: 'conflict' })
    expect(waits).toEqual(Array(100).fill(100))
    await store.close()
    expect(fs.readdirSync(database.folder).sort()).toEqual([
      'copy.db',
      'server.lock',
      'snailpass.db',
    ])
  })

  test('gives a copy of any mode to its owner only, and replaces an older replaced file', async () => {
    using database = await createDatabase()
    const { location, copy, replacedCopy } = database
    await backUpStoppedDatabase(location, copy, wait)
    fs.chmodSync(copy, 0o644)
    fs.writeFileSync(replacedCopy, 'of an interrupted rollback')
    const replaced = fs.readFileSync(location.path)
    await restoreCopy(location, { copy, replacedCopy }, wait)
    expect(modeOf(location.path)).toBe('600')
    expect(fs.readFileSync(replacedCopy).equals(replaced)).toBeTrue()
  })

  test('is finished where the database file is missing, as after an interruption', async () => {
    using database = await createDatabase()
    const { location, copy, replacedCopy } = database
    await backUpStoppedDatabase(location, copy, wait)
    fs.renameSync(location.path, replacedCopy)
    await restoreCopy(location, { copy, replacedCopy }, wait)
    expect(fs.readdirSync(database.folder).sort()).toEqual([
      'replaced.db',
      'server.lock',
      'snailpass.db',
    ])
  })

  test('frees the lock of the database', async () => {
    using database = await createDatabase()
    const { location, copy, replacedCopy } = database
    await backUpStoppedDatabase(location, copy, wait)
    await restoreCopy(location, { copy, replacedCopy }, wait)
    const { store } = await sqliteDatabaseIn(database.folder).openForServer({ create: false })
    await store.close()
  })

  test('replaces a damaged database, which is kept as it is', async () => {
    using database = await createDatabase()
    const { location, copy, replacedCopy } = database
    await backUpStoppedDatabase(location, copy, wait)
    fs.writeFileSync(location.path, 'no database any more')
    await restoreCopy(location, { copy, replacedCopy }, wait)
    using restored = new Database(location.path, { readonly: true })
    expect(restored.query('select count(*) as users from users').get()).toEqual({ users: 0 })
    expect(fs.readFileSync(replacedCopy, 'utf8')).toBe('no database any more')
  })
})
