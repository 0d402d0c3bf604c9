import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type RestorePlan, restoreBackup, verifyBackupFile } from '../../src/app/operations/restore'
import { createBackupSigner } from '../../src/crypto/backup-signer'
import { captureError } from '../support/capture-error'
import { sealAgain } from '../support/forged-backup'
import {
  createSqliteTestDatabase,
  createTestBackup,
  fillWithEdgeCases,
  noDecryption,
  type TestDatabase,
  targetsOf,
} from '../support/test-database'

const quiet = { decryption: noDecryption, onProgress: () => {} }
const written = join(import.meta.dir, '..', 'data', '0.1.0', 'backup.sqlite')

async function createSignedBackup() {
  const database = await createSqliteTestDatabase()
  await fillWithEdgeCases(database)
  const { path } = await createTestBackup(database)
  return { database, path }
}

const verify = (database: TestDatabase, path: string, more: Record<string, string> = {}) =>
  verifyBackupFile(targetsOf(database, more), path, quiet)

/** Returns the plan of a restore that is refused in the end. */
async function planOf(database: TestDatabase, path: string): Promise<RestorePlan> {
  const plans: RestorePlan[] = []
  const refused = restoreBackup(targetsOf(database), path, {
    ...quiet,
    dryRun: false,
    withSecrets: false,
    consent(plan) {
      plans.push(plan)
      return Promise.reject(new Error('refused'))
    },
  })
  expect(await captureError(refused)).toMatchObject({ message: 'refused' })
  const [plan] = plans
  if (plan === undefined) throw new Error('no question was asked')
  return plan
}

describe('the signature of a backup', () => {
  test('shows that this server wrote it, and that nobody changed it', async () => {
    const { database, path } = await createSignedBackup()
    await using _ = database
    expect((await verify(database, path)).origin).toBe('signed-here')
    expect((await planOf(database, path)).backup.origin).toBe('signed-here')
  })

  test.each([
    ['a row', "update users set master_password_hash = '$mine' where id = 'u1'"],
    ['a further row', "insert into invitations (email, creation_time) values ('me@nas.local', 1)"],
    ['a setting', "update settings set value = 'me@nas.local' where name = 'MAIL_USERNAME'"],
    ['its time', "update manifest set value = '2030-01-01T00:00:00.000Z' where name = 'time'"],
    ['its signature', "update manifest set value = 'mine' where name = 'mac'"],
    ['its missing signature', "delete from manifest where name = 'mac'"],
  ])('shows that someone without the key changed %s and every checksum', async (_what, change) => {
    const { database, path } = await createSignedBackup()
    await using _ = database
    sealAgain(path, change)
    expect(await captureError(verify(database, path))).toMatchObject({
      code: 'unavailable',
      message: `${path} is forged: its checksums match its rows, but its signature does not`,
    })
    expect((await planOf(database, path)).backup.origin).toBe('forged')
  })

  test('of another server, or without a key that could check it, is told as that', async () => {
    const { database, path } = await createSignedBackup()
    await using _ = database
    const another = { SNAILPASS_SECRET_KEY: 'the key of another server here' }
    expect((await verify(database, path, another)).origin).toBe('other-key')
    rmSync(join(database.dataDir, 'secret.key'))
    expect((await verify(database, path)).origin).toBe('no-key')
  })

  test('is missing in a backup of 0.1.0, and in one that it was removed from completely', async () => {
    const { database, path } = await createSignedBackup()
    await using _ = database
    const old = join(database.dataDir, 'old.sqlite')
    copyFileSync(written, old)
    expect((await verify(database, old)).origin).toBe('unsigned')
    sealAgain(path, "delete from manifest where name in ('mac', 'key_fingerprint')")
    expect((await verify(database, path)).origin).toBe('unsigned')
  })

  test('leaves the backup readable for versions that know no signatures', async () => {
    const { database, path } = await createSignedBackup()
    await using _ = database
    using file = new Database(path, { readonly: true })
    // What 0.1.0 computes: all properties but the seal, then the tables and settings.
    const hash = createHash('sha256')
    for (const query of [
      "select name, value from manifest where name <> 'seal' order by name",
      'select name, columns, rows, sha256 from manifest_tables order by name',
      'select name, value, source from settings order by name',
    ])
      for (const row of file.query(query).values()) hash.update(`${JSON.stringify(row)}\n`)
    const seal = file.query<{ value: string }, []>("select value from manifest where name = 'seal'")
    expect(seal.get()?.value).toBe(hash.digest('hex'))
  })

  test('depends on the key and on what is signed, and reveals neither', () => {
    const [one, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)].map(
      createBackupSigner,
    )
    const signature = one?.sign('checksum') ?? ''
    expect(signature).toMatch(/^[\da-f]{64}$/)
    expect(one?.verify('checksum', signature)).toBeTrue()
    expect(one?.verify('checksums', signature)).toBeFalse()
    expect(one?.verify('checksum', signature.slice(1))).toBeFalse()
    expect(other?.verify('checksum', signature)).toBeFalse()
    expect(one?.fingerprint).not.toBe(other?.fingerprint)
  })
})

describe('a backup is refused whose tables are not those of the version that it names', () => {
  test.each([
    [
      'a table was left out',
      "drop table audit; delete from manifest_tables where name = 'audit'",
      'it lacks the table audit',
    ],
    [
      'it names an older version',
      "update manifest set value = '0009-devices' where name = 'newest_migration'",
      'the column deletion_time of users is not that of 0009-devices',
    ],
    [
      'it names a version before a table',
      `update manifest set value = '0004-operators' where name = 'newest_migration';
        alter table users drop column deletion_time;
        update manifest_tables set columns = json_remove(columns, '$.deletion_time') where name = 'users'`,
      '0004-operators has no table devices',
    ],
    [
      'a table has the name that it had before',
      `alter table devices rename to known_addresses;
        update manifest_tables set name = 'known_addresses' where name = 'devices'`,
      'it lacks the table devices',
    ],
    [
      'a column was left out',
      `alter table users drop column hint;
        update manifest_tables set columns = json_remove(columns, '$.hint') where name = 'users'`,
      'the column hint of users is not that of 0011-history',
    ],
    [
      'a column has another kind',
      `update manifest_tables set columns = json_set(columns, '$.disabled', 'text') where name = 'users'`,
      'the column disabled of users is not that of 0011-history',
    ],
  ])('%s', async (_what, change, problem) => {
    const { database, path } = await createSignedBackup()
    await using _ = database
    sealAgain(path, change)
    expect(await captureError(verify(database, path))).toMatchObject({
      code: 'unavailable',
      message: `${path} is damaged: ${problem}`,
    })
  })
})
