import { describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, rmSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { writeBackup } from '../../../src/app/operations/backup'
import { verifyBackupFile } from '../../../src/app/operations/restore'
import { systemRuntime } from '../../../src/app/runtime'
import { createBackups } from '../../../src/domain/backups'
import { captureError } from '../../support/capture-error'
import {
  createSqliteTestDatabase,
  fillWithEdgeCases,
  noDecryption,
  type TestDatabase,
  targetsOf,
} from '../../support/test-database'

const quiet = { decryption: noDecryption, onProgress: () => {} }

describe('a written backup', () => {
  const stateOf = (database: TestDatabase) =>
    targetsOf(database).database.withShared((store) =>
      createBackups({ store, ...systemRuntime }).state(),
    )

  test('is recorded with its place, time and size, and who else can write to its folder', async () => {
    await using database = await createSqliteTestDatabase()
    await fillWithEdgeCases(database)
    const time = Date.now() - 1_000
    const write = () => writeBackup(targetsOf(database, {}, { clock: () => time }))
    const written = await write()
    expect(written).toMatchObject({
      time,
      isEncrypted: false,
      isRecorded: true,
      otherWriters: null,
    })
    const { path } = written
    expect(await stateOf(database)).toMatchObject({
      verified: { path, time, host: hostname(), bytes: statSync(path).size },
      failure: null,
    })
    chmodSync(dirname(path), 0o702)
    expect((await write()).otherWriters).toBe('all users can write there')
  })

  test('is valid if the database accepts no writes when it is complete', async () => {
    await using database = await createSqliteTestDatabase()
    await fillWithEdgeCases(database)
    const onProgress = (line: string) => {
      if (line === 'verifying: 99 %') rmSync(database.url.slice('sqlite:'.length))
    }
    const { path, isRecorded } = await writeBackup(targetsOf(database), { onProgress })
    expect(isRecorded).toBeFalse()
    expect((await verifyBackupFile(targetsOf(database), path, quiet)).isEncrypted).toBeFalse()
  })
})

test('a backup of a missing database, or for nobody, is refused before its folder is created', async () => {
  await using database = await createSqliteTestDatabase()
  const { dataDir } = database
  expect(await captureError(writeBackup(targetsOf(database)))).toMatchObject({
    message: expect.stringContaining('there is no SnailPass database'),
  })
  expect(existsSync(dataDir)).toBeFalse()
  await fillWithEdgeCases(database)
  const encryptFor = { recipients: ['age1nobody'] }
  expect(await captureError(writeBackup(targetsOf(database), { encryptFor }))).toMatchObject({
    code: 'invalid',
  })
  expect(existsSync(join(dataDir, 'backups'))).toBeFalse()
})
