import { expect, test } from 'bun:test'
import { chownSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { recreateDatabase } from '../../../src/app/operations/recreate'
import { rotateKey } from '../../../src/app/operations/rotate-key'
import { acquireFileLock } from '../../../src/files/data-folder'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import { startPostgresFirst } from '../../support/postgres'
import {
  createAgeKeyPair,
  createSqliteTestDatabase,
  createTestBackup,
  enginesWithTables,
  fillWithEdgeCases,
  startServerOn,
  targetsOf,
} from '../../support/test-database'

startPostgresFirst('newest')

/** Only root can change the owner of files and mount. */
const isRoot = process.getuid?.() === 0
const nobody = 65_534

test.skipIf(!isRoot).each(enginesWithTables)(
  'files that root creates in the data folder of a service on $engine belong to the service',
  async ({ open }) => {
    await using database = await open()
    mkdirSync(database.dataDir, { mode: 0o700 })
    chownSync(database.dataDir, nobody, nobody)
    // On SQLite a new database in the data folder, and on both a secret key and a lock.
    const url =
      database.engine === 'SQLite' ? `sqlite:${database.dataDir}/snailpass.db` : database.url
    await (await startServerOn({ ...database, url })).stop()
    const targets = targetsOf({ ...database, url })
    const { recipient } = await createAgeKeyPair(database.dataDir)
    const [key] = readdirSync(database.dataDir).filter((name) => name.startsWith('key-'))
    await createTestBackup({ ...database, url })
    await createTestBackup({ ...database, url }, { encryptFor: { recipients: [recipient] } })
    await rotateKey(targets)
    await recreateDatabase(targets, () => Promise.resolve())
    const files = readdirSync(database.dataDir, { recursive: true }).map(String)
    const foreign = files.filter((name) => statSync(join(database.dataDir, name)).uid !== nobody)
    expect(foreign).toEqual([String(key)])
    expect(files.length).toBeGreaterThan(5)
  },
)

test.skipIf(!isRoot)('a full disk leaves neither a backup nor a part of one', async () => {
  await using database = await createSqliteTestDatabase()
  using folder = temporaryFolder()
  await fillWithEdgeCases(database)
  const { recipient } = await createAgeKeyPair(database.dataDir)
  const mounted = join(folder.path, 'small')
  mkdirSync(mounted)
  const system = (command: readonly string[]) => {
    const { success, stderr } = Bun.spawnSync([...command])
    if (!success) throw new Error(String(stderr))
  }
  system(['mount', '-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', mounted])
  try {
    for (const encryptFor of [null, { recipients: [recipient] }]) {
      expect(
        await captureError(createTestBackup(database, { to: mounted, encryptFor })),
      ).toMatchObject({
        code: 'storage_full',
        message: expect.stringMatching(
          /^not enough space for a backup: it takes about \d+\.\d MB, and 0\.5 MB are free in .*\/small$/,
        ),
        hint: expect.stringContaining('--to'),
      })
      expect(readdirSync(mounted)).toEqual(['.snailpass.lock'])
      expect(readdirSync(database.dataDir).filter((name) => name.includes('partial'))).toEqual([])
    }
  } finally {
    system(['umount', mounted])
  }
})

test.skipIf(!isRoot)('root creates nothing behind symbolic links of a service', async () => {
  using folder = temporaryFolder()
  const [data, secret] = [join(folder.path, 'data'), join(folder.path, 'of-root')]
  mkdirSync(join(data, 'backups'), { recursive: true, mode: 0o700 })
  mkdirSync(secret, { mode: 0o700 })
  for (const path of [data, join(data, 'backups')]) chownSync(path, nobody, nobody)
  const target = join(secret, 'ld.so.preload')
  for (const name of ['server.lock', 'backups/.snailpass.lock']) {
    symlinkSync(target, join(data, name))
    expect(() => acquireFileLock(join(data, name))).toThrow('EEXIST')
  }
  expect(readdirSync(secret)).toEqual([])
})
