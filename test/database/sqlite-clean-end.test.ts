import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import {
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { markCleanEnd } from '../../src/database/sqlite-clean-end'
import { sqliteColumnTypes } from '../../src/engine/column-types'
import { migrationsFor } from '../../src/store/migrations/index'
import { captureError } from '../support/capture-error'
import { createDataFolder } from '../support/data-folder'
import { aUser, sqliteDatabaseIn } from '../support/store'

/** Below the size of any database. */
const large = 1

type Folder = ReturnType<typeof createDataFolder>

/** Opens a database as a server does that can check it beside its work, from so many bytes. */
const open = ({ path }: Pick<Folder, 'path'>, checkBesideFrom: number | null = large) =>
  sqliteDatabaseIn(path).openForServer({
    create: true,
    ...(checkBesideFrom !== null && { checkBesideFrom }),
  })

/** Runs a server once, which ends cleanly after a write and after its check, if it has one. */
async function runServer(folder: Folder): Promise<void> {
  const { store, pendingCheck } = await open(folder)
  await store.write((tx) => tx.users.insert(aUser()))
  pendingCheck?.passed()
  await store.close()
}

/** Returns whether a server has to check the database beside its work, and ends it without that check. */
async function isCheckedBeside(folder: Folder): Promise<boolean> {
  const { store, pendingCheck } = await open(folder)
  await store.close()
  return pendingCheck !== null
}

const markOf = ({ database }: Folder) => `${database}-clean`

describe('a large database', () => {
  test('is checked beside the server after a clean end, also after many', async () => {
    using folder = createDataFolder()
    await runServer(folder)
    for (let run = 0; run < 3; run++) {
      const { store, pendingCheck } = await open(folder)
      expect(pendingCheck).not.toBeNull()
      // While a server runs, nothing says that it ended cleanly.
      expect(existsSync(markOf(folder))).toBe(false)
      pendingCheck?.passed()
      await store.close()
    }
  })

  test('is checked before the start if the last server ended before its check had passed', async () => {
    using folder = createDataFolder()
    await runServer(folder)
    expect(await isCheckedBeside(folder)).toBe(true)
    expect(await isCheckedBeside(folder)).toBe(false)
    // That start has checked it.
    expect(await isCheckedBeside(folder)).toBe(true)
  })

  test.each<[string, (folder: Folder) => void]>([
    [
      'another program wrote to it',
      ({ database }) => {
        const other = new Database(database)
        other.run('update users set email = email')
        other.close()
      },
    ],
    [
      'another program overwrote a part of it and set the time back',
      ({ database }) => {
        // Whole seconds, since no finer time can be set from here.
        utimesSync(database, 1, 1)
        markCleanEnd(database, large)
        writeFileSync(database, readFileSync(database))
        utimesSync(database, 1, 1)
      },
    ],
    [
      'a copy took its place',
      ({ database }) => {
        const { atime, mtime } = statSync(database)
        copyFileSync(database, `${database}.copy`)
        renameSync(`${database}.copy`, database)
        utimesSync(database, atime, mtime)
      },
    ],
    ['it grew', ({ database }) => writeFileSync(database, new Uint8Array(4096), { flag: 'a' })],
    ['a log lies beside it', ({ database }) => writeFileSync(`${database}-wal`, '')],
    ['a journal lies beside it', ({ database }) => writeFileSync(`${database}-journal`, '')],
    ['the mark is cut off', (folder) => writeFileSync(markOf(folder), '"1 2')],
    ['the mark is empty', (folder) => writeFileSync(markOf(folder), '')],
    ['the mark says something else', (folder) => writeFileSync(markOf(folder), '{"clean":true}')],
    ['there is no mark', (folder) => rmSync(markOf(folder))],
  ])('is checked before the start if %s', async (_, change) => {
    using folder = createDataFolder()
    await runServer(folder)
    change(folder)
    expect(await isCheckedBeside(folder)).toBe(false)
  })

  test('is checked before the start after a server that was killed', async () => {
    using folder = createDataFolder()
    await runServer(folder)
    using killed = createDataFolder()
    {
      const { store, pendingCheck } = await open(folder)
      pendingCheck?.passed()
      await store.write((tx) => tx.users.insert(aUser()))
      // What a power cut would leave.
      for (const end of ['', '-wal', '-clean']) {
        const file = `${folder.database}${end}`
        if (existsSync(file)) copyFileSync(file, `${killed.database}${end}`)
      }
      await store.close()
    }
    expect(await isCheckedBeside(killed)).toBe(false)
  })

  test('is checked before a migration', async () => {
    using folder = createDataFolder()
    await runServer(folder)
    const migrations = {
      ...migrationsFor(sqliteColumnTypes, Date.now),
      '9999-next': { up: () => Promise.resolve() },
    }
    const next = sqliteDatabaseIn(folder.path, undefined, migrations)
    const { store, pendingCheck } = await next.openForServer({
      ...{ create: false, checkBesideFrom: large },
    })
    await store.close()
    expect(pendingCheck).toBeNull()
  })

  test('that is damaged keeps a server from starting, unless it looks as a server has left it', async () => {
    using folder = createDataFolder()
    await runServer(folder)
    const bytes = readFileSync(folder.database)
    writeFileSync(folder.database, bytes.fill(0xff, bytes.length - 4096))
    expect(await captureError(open(folder))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/ is damaged: /),
    })
    markCleanEnd(folder.database, large)
    expect(await isCheckedBeside(folder)).toBe(true)
  })

  test('that was replaced under a running server is checked before the next start', async () => {
    using folder = createDataFolder()
    await runServer(folder)
    const { store, pendingCheck } = await open(folder)
    pendingCheck?.passed()
    copyFileSync(folder.database, `${folder.database}.copy`)
    renameSync(`${folder.database}.copy`, folder.database)
    await store.close()
    expect(existsSync(markOf(folder))).toBe(false)
  })

  test('that was deleted under a running server is no obstacle to its end, and gets no mark', async () => {
    using folder = createDataFolder()
    await runServer(folder)
    const { store, pendingCheck } = await open(folder)
    pendingCheck?.passed()
    rmSync(folder.database)
    await store.close()
    expect(existsSync(markOf(folder))).toBe(false)
  })

  test('gets no mark from a command, which leaves its check to the next server', async () => {
    using folder = createDataFolder()
    await runServer(folder)
    rmSync(markOf(folder))
    await sqliteDatabaseIn(folder.path).withShared((store) =>
      store.write((tx) => tx.users.insert(aUser())),
    )
    expect(existsSync(markOf(folder))).toBe(false)
  })

  test('has at least the bytes that count as large', () => {
    using folder = createDataFolder()
    writeFileSync(folder.database, new Uint8Array(4096))
    markCleanEnd(folder.database, 4097)
    expect(existsSync(markOf(folder))).toBe(false)
    markCleanEnd(folder.database, 4096)
    expect(existsSync(markOf(folder))).toBe(true)
  })

  test.each(['-wal', '-shm', '-journal'])('gets no mark while its %s is left', (side) => {
    using folder = createDataFolder()
    for (const end of ['', side]) writeFileSync(`${folder.database}${end}`, 'content')
    markCleanEnd(folder.database, large)
    expect(existsSync(markOf(folder))).toBe(false)
  })

  test('is checked before the start of a server that can not do that beside its work', async () => {
    using folder = createDataFolder()
    await runServer(folder)
    const { store, pendingCheck } = await open(folder, null)
    await store.close()
    expect(pendingCheck).toBeNull()
  })
})

test('a small database is always checked before the start, and has no further file', async () => {
  using folder = createDataFolder()
  await (await open(folder, 64 * 1024 * 1024)).store.close()
  expect(existsSync(markOf(folder))).toBe(false)
  const { store, pendingCheck } = await open(folder, 64 * 1024 * 1024)
  await store.close()
  expect(pendingCheck).toBeNull()
})
