import { describe, expect, test } from 'bun:test'
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runChecks } from '../../src/app/doctor/doctor'
import { writeBackup } from '../../src/app/operations/backup'
import { systemRuntime } from '../../src/app/runtime'
import { readSettings } from '../../src/config/reading'
import { createAccount } from '../support/accounts'
import { captureError } from '../support/capture-error'
import { aRecord } from '../support/client'
import { temporaryFolder } from '../support/executable'
import { startTestServer } from '../support/server'
import {
  createPostgresTestDatabase,
  loseDatabase,
  makePassphrasesCheap,
  startServerOn,
  targetsIn,
  targetsOf,
} from '../support/test-database'

/** A data folder whose database has an account with two records, and a backup of it. */
async function createVault(environment: Record<string, string> = {}) {
  const folder = temporaryFolder()
  await createAccount({ dataDir: folder.path, environment }, 'owner', async (owner) => {
    for (let record = 0; record < 2; record++) await owner.send('POST', '/records', aRecord())
  })
  const { path } = await writeBackup(targetsIn(folder.path, environment))
  return {
    dataDir: folder.path,
    database: join(folder.path, 'snailpass.db'),
    backup: path,
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

const restoreOf = (backup: string, dataDir: string, content = '1 account, 2 records') =>
  new RegExp(
    `^restore the newest backup, of \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC \\(${content}\\): \`snailpass restore ${backup} --data-dir ${dataDir}\`; `,
  )

describe('a missing database', () => {
  test('is lost if the folder has its secret key, a backup or a copy, and is not created', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const signs: [string, string][] = [
      ['secret.key', `its secret key ${dataDir}/secret.key exists`],
      ['backups/snailpass-20261124T031502Z.sqlite', 'the backup '],
      ['backups/snailpass-20261124T031502Z.sqlite.age', 'the backup '],
      ['snailpass-before-migration-20261124T031502123Z.db', 'the copy '],
      ['snailpass-before-delete-20261124T031502Z.sqlite', 'the copy '],
    ]
    for (const [name, sign] of signs) {
      rmSync(dataDir, { recursive: true, force: true })
      mkdirSync(dirname(join(dataDir, name)), { recursive: true })
      writeFileSync(join(dataDir, name), 'content')
      for (const create of [undefined, true, false]) {
        const starting = startTestServer({ dataDir, ...(create !== undefined && { create }) })
        expect(await captureError(starting), `${name} ${create}`).toMatchObject({
          code: 'unavailable',
          message: expect.stringContaining(
            `there is no SnailPass database at ${dataDir}/snailpass.db, but ${sign}`,
          ),
          hint: expect.stringMatching(/; for a new, empty database, run `snailpass recreate-db`$/),
        })
      }
      expect(await targetsIn(dataDir).database.inspect()).toBe('nothing')
    }
  })

  test('is created in a folder with certificates alone, and never with --no-create', async () => {
    using folder = temporaryFolder()
    mkdirSync(join(folder.path, 'tls'))
    writeFileSync(join(folder.path, 'tls', 'ca.pem'), 'content')
    mkdirSync(join(folder.path, 'backups'))
    const refused = await captureError(startTestServer({ dataDir: folder.path, create: false }))
    expect(refused).toMatchObject({
      message: `there is no SnailPass database at ${folder.path}/snailpass.db`,
      hint: expect.stringContaining('`snailpass serve` creates a new database'),
    })
    await using server = await startTestServer({ dataDir: folder.path })
    expect(server.log.join('\n')).toContain('created database')
  })

  test('is told with the newest good backup and the command that restores it', async () => {
    using vault = await createVault()
    const { dataDir, database, backup } = vault
    for (const file of [database, `${database}-wal`, `${database}-shm`])
      rmSync(file, { force: true })
    const folder = dirname(backup)
    // Newer ones that are damaged, or not complete.
    copyFileSync(backup, join(folder, 'snailpass-20990101T000000Z.sqlite'))
    truncateSync(join(folder, 'snailpass-20990101T000000Z.sqlite'), 4_096)
    writeFileSync(join(folder, 'snailpass-20990102T000000Z.sqlite.partial'), 'x')
    const error = await captureError(startTestServer({ dataDir }))
    expect(error).toMatchObject({ hint: expect.stringMatching(restoreOf(backup, dataDir)) })
  })

  test('is told with an encrypted backup, which could not be checked', async () => {
    using _cheap = makePassphrasesCheap()
    const environment = { SNAILPASS_BACKUP_PASSPHRASE: 'correct horse battery' }
    using vault = await createVault(environment)
    const { dataDir, database, backup } = vault
    rmSync(database)
    expect(await captureError(startTestServer({ dataDir }))).toMatchObject({
      hint: expect.stringMatching(restoreOf(backup, dataDir, 'encrypted, so not checked')),
    })
  })

  test('on Postgres is lost if this server has used it, and new at another place', async () => {
    await using database = await createPostgresTestDatabase()
    await (await startServerOn(database)).stop()
    const remembered = join(database.dataDir, 'database.json')
    expect(JSON.parse(readFileSync(remembered, 'utf8'))).toEqual({
      database: targetsOf(database).database.name,
      options: null,
    })
    await loseDatabase(database)
    expect(await captureError(startServerOn(database))).toMatchObject({
      state: 'missing',
      message: expect.stringContaining(`, but this server has used it before (${remembered})`),
      hint: expect.stringContaining('there is no good backup in '),
    })
    await using other = await createPostgresTestDatabase()
    const moved = { ...other, dataDir: database.dataDir }
    await (await startServerOn(moved)).stop()
    expect(JSON.parse(readFileSync(remembered, 'utf8'))).toMatchObject({
      database: targetsOf(other).database.name,
    })
  })
})

describe('a database that can not be read', () => {
  test.each([
    ['is empty', 'is empty: its content is lost', (path: string) => writeFileSync(path, '')],
    [
      'is damaged',
      'is damaged: ',
      (path: string) => {
        const bytes = readFileSync(path)
        bytes.fill(0xff, 4_096, 4_096 * 3)
        writeFileSync(path, bytes)
      },
    ],
  ] as const)(
    'because it %s is told with the newest backup, by a start and by the doctor',
    async (_, message, harm) => {
      using vault = await createVault()
      const { dataDir, database, backup } = vault
      harm(database)
      const cut = join(dirname(backup), 'snailpass-20990101T000000Z.sqlite')
      copyFileSync(backup, cut)
      truncateSync(cut, 4_096)
      const lost = {
        message: expect.stringContaining(`${database} ${message}`),
        hint: expect.stringMatching(restoreOf(backup, dataDir)),
      }
      expect(await captureError(startTestServer({ dataDir }))).toMatchObject(lost)
      const results = await runChecks(
        readSettings({ environment: {}, flags: { dataDir }, file: null }),
        systemRuntime,
        { fix: false },
      )
      expect(results.find(({ name }) => name === 'database')?.findings).toMatchObject([
        { what: lost.message, fix: lost.hint },
      ])
      // The backups are checked without it.
      expect(results.find(({ name }) => name === 'backups')).toMatchObject({
        fact: expect.stringMatching(
          new RegExp(
            `^2 backups; the newest good one is ${backup}, from .* \\(1 account, 2 records\\)$`,
          ),
        ),
        findings: [{ what: expect.stringContaining(`${cut} is damaged: `) }],
      })
    },
  )
})
