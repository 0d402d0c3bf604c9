import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeBackup } from '../../../src/app/operations/backup'
import { findCertificate, renewCertificate } from '../../../src/app/operations/certificates'
import {
  type RestoreOptions,
  type RestorePlan,
  restoreBackup,
  verifyBackupFile,
} from '../../../src/app/operations/restore'
import { tables } from '../../../src/store/tables'
import { captureError } from '../../support/capture-error'
import { aNote, aRecord, logIn, signUpAndLogIn } from '../../support/client'
import { temporaryFolder } from '../../support/executable'
import { sealAgain } from '../../support/forged-backup'
import { startPostgresFirst } from '../../support/postgres'
import {
  createAgeKeyPair,
  createPostgresTestDatabase,
  createSqliteTestDatabase,
  createTestBackup,
  engines,
  enginesWithTables,
  fillWithEdgeCases,
  makePassphrasesCheap,
  noDecryption,
  settingsOf,
  startServerOn,
  type TestDatabase,
  targetsOf,
} from '../../support/test-database'

startPostgresFirst('newest')

/** Restores, and consents to everything. */
function restoreFrom(
  database: TestDatabase,
  file: string,
  change: Partial<RestoreOptions> = {},
  more: Record<string, string> = {},
) {
  return restoreBackup(targetsOf(database, more), file, {
    decryption: noDecryption,
    dryRun: false,
    withSecrets: false,
    consent: () => Promise.resolve(),
    onProgress: () => {},
    ...change,
  })
}

/** Everything in a database, as another client reads it; without session epochs and the audit log, which a restore replaces. */
async function contentsOf(database: TestDatabase) {
  const contents: Record<string, unknown[]> = {}
  for (const { name, columns } of tables) {
    if (name === 'audit' || name === 'audit_marks') continue
    const rows = await database.sql(`select * from ${name} order by seq`)
    contents[name] = rows.map((row) =>
      Object.entries(columns)
        .filter(([column]) => column !== 'session_epoch')
        .map(([column, kind]) => {
          const value = row[column]
          return kind === 'text' || value === null ? value : Number(value)
        }),
    )
  }
  return contents
}

/** A column that refers to each of the tables that others refer to. */
const references = [
  ['records', 'user_id'],
  ['additional_fields', 'record_id'],
  ['outbox', 'invitation'],
] as const

const owner = { userId: '', email: 'owner@nas.local', masterPasswordHash: btoa('hash of owner') }

/** Returns a listener that throws when everything was restored, while it is read again. */
function failWhenRestored(message: string): (line: string) => void {
  let isRestored = false
  return (line) => {
    isRestored ||= line === 'restoring: 99 %'
    if (isRestored && line === 'verifying: 99 %') throw new Error(message)
  }
}

describe.each(
  engines.flatMap((from) =>
    engines.map((to) => ({ from, to, name: `${from.engine} restored into ${to.engine}` })),
  ),
)('a backup of $name', ({ from, to }) => {
  test('brings everything back, replaces other data, and a server works with it', async () => {
    await using source = await from.openWithTables()
    await using target = await to.openWithTables()
    await fillWithEdgeCases(source)
    const before = await contentsOf(source)
    const { path, tables: sums } = await createTestBackup(source)
    {
      await using server = await startServerOn(target)
      const client = await signUpAndLogIn(server.url, 'owner')
      await client.send('POST', '/records', aRecord())
    }
    const facts = () =>
      target.sql("select name, value from facts where name <> 'generation' order by name")
    const generation = () => target.sql("select value from facts where name = 'generation'")
    const [factsBefore, generationBefore] = [await facts(), await generation()]
    const { tables: restored, safetyBackup } = await restoreFrom(target, path)
    expect(restored).toEqual([...sums])
    expect(await contentsOf(target)).toEqual(before)
    // The key fingerprint stays, no session from before is valid, and no revision of a vault counts any more.
    expect(await facts()).toEqual(factsBefore)
    expect(await generation()).toEqual([])
    const epochs = await target.sql('select session_epoch from users')
    expect(epochs).toHaveLength(2)
    for (const { session_epoch: epoch } of epochs) expect(epoch).toMatch(/^[\w-]{22}$/)

    {
      await using server = await startServerOn(target)
      const client = await signUpAndLogIn(server.url, 'newcomer')
      expect((await client.send('POST', '/notes', aNote())).status).toBe(201)
    }
    expect(await generation()).toHaveLength(1)
    expect(await generation()).not.toEqual(generationBefore)
    // The backup taken before the restore brings back the replaced data.
    const back = await restoreFrom(target, String(safetyBackup))
    expect(
      back.plan.tables.filter(({ table }) => ['users', 'records', 'notes'].includes(table)),
    ).toEqual([
      { table: 'users', now: 3, after: 1 },
      { table: 'records', now: 7, after: 1 },
      { table: 'notes', now: 3, after: 0 },
    ])
    await using server = await startServerOn(target)
    const client = await logIn(server.url, owner)
    expect(await (await client.send('GET', '/records')).json()).toHaveLength(1)
  })
})

/** The bytes of a backup of a database with rows in every table. */
const bytesOfBackup = (async () => {
  await using elsewhere = await createSqliteTestDatabase()
  await fillWithEdgeCases(elsewhere)
  const { path } = await createTestBackup(elsewhere)
  return readFileSync(path)
})()

describe.each(engines)('a restore on $engine', ({ open, openWithTables }) => {
  /** A database with a vault, and a backup of another one. */
  async function createBackupSetup() {
    const database = await openWithTables()
    const folder = temporaryFolder()
    const path = join(folder.path, 'backup.sqlite')
    writeFileSync(path, await bytesOfBackup)
    const token = await (async () => {
      await using server = await startServerOn(database)
      const client = await signUpAndLogIn(server.url, 'owner')
      await client.send('POST', '/records', aRecord())
      return client.token
    })()
    return {
      database,
      path,
      token,
      async [Symbol.asyncDispose]() {
        await database[Symbol.asyncDispose]()
        folder[Symbol.dispose]()
      },
    }
  }

  test('ends every session, also those of the backup', async () => {
    await using setup = await createBackupSetup()
    const { database } = setup
    const { path } = await createTestBackup(database)
    await restoreFrom(database, path)
    await using server = await startServerOn(database)
    const headers = { 'x-access-token': setup.token }
    expect((await fetch(new URL('/users', server.url), { headers })).status).toBe(401)
    expect((await logIn(server.url, owner)).token).not.toBe('')
  })

  test('is refused while a server runs, and changes nothing', async () => {
    await using setup = await createBackupSetup()
    const { database, path, token } = setup
    await using server = await startServerOn(database)
    const before = await contentsOf(database)
    expect(await captureError(restoreFrom(database, path))).toMatchObject({ code: 'conflict' })
    expect(await contentsOf(database)).toEqual(before)
    expect(existsSync(join(database.dataDir, 'backups'))).toBeFalse()
    const headers = { 'x-access-token': token }
    expect((await fetch(new URL('/users', server.url), { headers })).status).toBe(200)
  })

  test('with a dry run returns what would change, also while a server runs, and changes nothing', async () => {
    await using setup = await createBackupSetup()
    const { database, path } = setup
    await using _ = await startServerOn(database)
    const before = await contentsOf(database)
    const consent = () => Promise.reject(new Error('asked'))
    const result = await restoreFrom(
      database,
      path,
      { dryRun: true, consent },
      { SNAILPASS_TOKEN_SECONDS: '30' },
    )
    expect(
      result.plan.tables.filter(({ table }) => ['users', 'records', 'notes'].includes(table)),
    ).toEqual([
      { table: 'users', now: 1, after: 2 },
      { table: 'records', now: 1, after: 7 },
      { table: 'notes', now: 0, after: 2 },
    ])
    expect(result.plan.settings).toContainEqual({
      name: 'SNAILPASS_TOKEN_SECONDS',
      inBackup: '600',
      now: '30',
    })
    expect({ tables: result.tables, safetyBackup: result.safetyBackup }).toEqual({
      tables: null,
      safetyBackup: null,
    })
    expect(await contentsOf(database)).toEqual(before)
    expect(existsSync(join(database.dataDir, 'backups'))).toBeFalse()
  })

  test('asks for consent, and changes nothing without it', async () => {
    await using setup = await createBackupSetup()
    const { database, path } = setup
    const before = await contentsOf(database)
    const asked: RestorePlan[] = []
    const consent = (plan: RestorePlan) => {
      asked.push(plan)
      return Promise.reject(new Error('no'))
    }
    expect(String(await captureError(restoreFrom(database, path, { consent })))).toContain('no')
    expect(asked).toHaveLength(1)
    expect(await contentsOf(database)).toEqual(before)
    expect(existsSync(join(database.dataDir, 'backups'))).toBeFalse()
  })

  test('that fails half-way leaves everything as it was, and no new backup', async () => {
    await using setup = await createBackupSetup()
    const { database, path } = setup
    const before = await contentsOf(database)
    const failingOutput = (line: string) => {
      if (/^restoring: [1-9]/.test(line)) throw new Error('the cable went')
    }
    expect(
      String(await captureError(restoreFrom(database, path, { onProgress: failingOutput }))),
    ).toContain('the cable went')
    expect(await contentsOf(database)).toEqual(before)
    expect(readdirSync(join(database.dataDir, 'backups'))).toEqual(['.snailpass.lock'])
  })

  test('of a damaged backup changes nothing', async () => {
    await using setup = await createBackupSetup()
    const { database, path } = setup
    using file = new Database(path)
    file.run("update records set login = 'x:x' where id = 'r1'")
    const before = await contentsOf(database)
    expect(await captureError(restoreFrom(database, path))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is damaged'),
    })
    expect(await contentsOf(database)).toEqual(before)
  })

  test('of a backup whose rows refer to missing rows is refused as damaged, with the name of the table', async () => {
    await using setup = await createBackupSetup()
    const { database, path } = setup
    const before = await contentsOf(database)
    for (const [table, column] of references) {
      writeFileSync(path, await bytesOfBackup)
      const first = `(select min(seq) from ${table} where ${column} is not null)`
      sealAgain(path, `update ${table} set ${column} = 'missing' where seq = ${first}`)
      expect(await captureError(restoreFrom(database, path))).toMatchObject({
        code: 'unavailable',
        message: `${path} is damaged: a row of ${table} refers to a missing row`,
      })
      expect(await contentsOf(database)).toEqual(before)
    }
  })

  test('that the database refuses for another reason is not told as a backup with missing rows', async () => {
    await using setup = await createBackupSetup()
    const { database, path } = setup
    const before = await contentsOf(database)
    sealAgain(path, "update records set id = 'r1' where id = 'r2'")
    const error = await captureError(restoreFrom(database, path))
    expect(error).toMatchObject({ message: expect.stringMatching(/unique/i) })
    expect(String(error)).not.toMatch(/damaged|missing row/)
    expect(await contentsOf(database)).toEqual(before)
  })

  test('on a new machine creates the database, and the server there creates its own key', async () => {
    await using setup = await createBackupSetup()
    await using database = await open()
    const { safetyBackup } = await restoreFrom(database, setup.path)
    expect(safetyBackup).toBeNull()
    await using server = await startServerOn(database)
    expect(existsSync(join(database.dataDir, 'secret.key'))).toBeTrue()
    expect((await signUpAndLogIn(server.url, 'newcomer')).token).not.toBe('')
    expect(await database.sql('select id from users')).toHaveLength(3)
  })
})

describe.each(enginesWithTables)('an encrypted backup of $engine', ({ open }) => {
  test('is opened by each of its keys and by no other key', async () => {
    await using database = await open()
    await fillWithEdgeCases(database)
    const [one, two, stranger] = [
      await createAgeKeyPair(database.dataDir),
      await createAgeKeyPair(database.dataDir),
      await createAgeKeyPair(database.dataDir),
    ]
    const encryptFor = { recipients: [one.recipient, two.recipient] }
    const { path, tables: sums } = await createTestBackup(database, { encryptFor })
    const opening = (identities: string[] | null) =>
      verifyBackupFile(targetsOf(database), path, {
        decryption: { ...noDecryption, identities },
        onProgress: () => {},
      })
    for (const { identity } of [one, two]) {
      const verified = await opening([identity])
      expect(verified.tables.map(({ checksum }) => checksum)).toEqual([...sums])
    }
    expect(await captureError(opening([stranger.identity]))).toMatchObject({
      code: 'unavailable',
      message: `${path} can't be decrypted with this private key`,
    })
    expect(await captureError(opening(null))).toMatchObject({
      code: 'invalid',
      hint: expect.stringContaining('--identity'),
    })
    // No decrypted file is left, and no unencrypted one was ever in the backup folder.
    expect(readdirSync(database.dataDir).filter((name) => name.includes('partial'))).toEqual([])
    expect(readdirSync(join(database.dataDir, 'backups'))).toHaveLength(2)
  })
})

describe('a backup with secrets', () => {
  const passphrase = 'open sesame'
  const decryption = { identities: null, passphrase: () => Promise.resolve(passphrase) }

  test('is opened by its passphrase only, and restores the secret key', async () => {
    using _ = makePassphrasesCheap()
    await using source = await createSqliteTestDatabase()
    await using target = await createPostgresTestDatabase()
    await fillWithEdgeCases(source)
    await fillWithEdgeCases(target)
    const more = {
      SNAILPASS_BACKUP_PASSPHRASE: passphrase,
      MAIL_USERNAME: 'me@nas.local',
      MAIL_PASSWORD: 'hush',
    }
    const { path } = await createTestBackup(source, { withSecrets: true }, more)
    const wrong = { identities: null, passphrase: () => Promise.resolve('wrong') }
    const keyOf = (database: TestDatabase) =>
      readFileSync(join(database.dataDir, 'secret.key'), 'utf8')
    const previous = keyOf(target)
    expect(
      await captureError(restoreFrom(target, path, { withSecrets: true, decryption: wrong })),
    ).toMatchObject({
      message: `${path} can't be decrypted with this passphrase`,
    })
    expect(keyOf(target)).toBe(previous)

    // With another key in the settings, the server would not start on its own database again.
    const set = { SNAILPASS_SECRET_KEY: 'another key altogether' }
    expect(
      await captureError(restoreFrom(target, path, { withSecrets: true, decryption }, set)),
    ).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('SNAILPASS_SECRET_KEY is not the key in the backup'),
    })
    const failing = failWhenRestored('the cable went')
    expect(
      String(
        await captureError(
          restoreFrom(target, path, { withSecrets: true, decryption, onProgress: failing }),
        ),
      ),
    ).toContain('cable')
    expect(keyOf(target)).toBe(previous)

    await restoreFrom(target, path, { withSecrets: true, decryption })
    expect(keyOf(target)).toBe(keyOf(source))
    await using server = await startServerOn(target)
    expect((await signUpAndLogIn(server.url, 'newcomer')).token).not.toBe('')
  })

  test('restores the certificate authority, and leaves that of the machine if it does not', async () => {
    await using source = await createSqliteTestDatabase()
    await using target = await createSqliteTestDatabase()
    await fillWithEdgeCases(source)
    await fillWithEdgeCases(target)
    const consent = () => Promise.resolve()
    const renew = (database: TestDatabase) =>
      renewCertificate(targetsOf(database), { authority: true, consent })
    const { authority } = await renew(source)
    const { identity, recipient } = await createAgeKeyPair(source.dataDir)
    const encryptFor = { recipients: [recipient] }
    const { path } = await createTestBackup(source, { withSecrets: true, encryptFor })
    const without = await createTestBackup(source)
    using file = new Database(without.path, { readonly: true })
    const secretsTables = file.query("select name from sqlite_master where name = 'secrets'").all()
    expect(secretsTables).toEqual([])

    const filesOf = (database: TestDatabase) =>
      ['ca.crt', 'ca.key', 'leaf.pem'].map((name) => {
        const file = join(database.dataDir, 'tls', name)
        return existsSync(file) ? readFileSync(file, 'utf8') : null
      })
    const opened = { withSecrets: true, decryption: { ...noDecryption, identities: [identity] } }
    const failingOutput = failWhenRestored('cable')
    // If the restore fails on a machine without a CA, none is left behind.
    const nothing = filesOf(target)
    expect(
      String(
        await captureError(restoreFrom(target, path, { ...opened, onProgress: failingOutput })),
      ),
    ).toContain('cable')
    expect(filesOf(target)).toEqual(nothing)
    // If the CA can't be written, the secret key that was written before it is rolled back.
    const keyOf = (database: TestDatabase) =>
      readFileSync(join(database.dataDir, 'secret.key'), 'utf8')
    const oldKey = keyOf(target)
    writeFileSync(join(target.dataDir, 'tls'), 'in the way')
    expect(await captureError(restoreFrom(target, path, opened))).toMatchObject({
      code: 'unavailable',
    })
    expect(keyOf(target)).toBe(oldKey)
    rmSync(join(target.dataDir, 'tls'))
    await renew(target)
    const previous = filesOf(target)
    await restoreFrom(target, path, { ...opened, withSecrets: false })
    expect(filesOf(target)).toEqual(previous)

    await restoreFrom(target, path, opened)
    expect(filesOf(target)).toEqual([authority.cert, authority.key, null])
    expect(statSync(join(target.dataDir, 'tls', 'ca.key')).mode & 0o777).toBe(0o600)
    // The server issues a new certificate by the restored CA, which devices know.
    const { certificate } = await findCertificate(settingsOf(target))
    expect(certificate).toBeNull()
    await using server = await startServerOn(target, { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' })
    expect(filesOf(target)[0]).toBe(authority.cert)
    expect(server.log.join()).not.toContain('created certificate authority')
  })

  test('is not written without encryption, and secrets are not restored from a backup without', async () => {
    await using database = await createSqliteTestDatabase()
    await fillWithEdgeCases(database)
    expect(await captureError(createTestBackup(database, { withSecrets: true }))).toMatchObject({
      code: 'invalid',
      hint: expect.stringContaining('--encrypt-to'),
    })
    expect(existsSync(join(database.dataDir, 'backups'))).toBeFalse()
    const { path } = await createTestBackup(database)
    const before = await contentsOf(database)
    expect(await captureError(restoreFrom(database, path, { withSecrets: true }))).toMatchObject({
      message: `${path} contains no secret key`,
    })
    expect(await contentsOf(database)).toEqual(before)
  })

  test('whose key was set by hand is not written to secret.key', async () => {
    await using database = await createSqliteTestDatabase()
    await (
      await startServerOn(database, { SNAILPASS_SECRET_KEY: 'the key of these servers' })
    ).stop()
    const { identity, recipient } = await createAgeKeyPair(database.dataDir)
    const set = { SNAILPASS_SECRET_KEY: 'the key of these servers' }
    const { path } = await createTestBackup(
      database,
      { withSecrets: true, encryptFor: { recipients: [recipient] } },
      set,
    )
    const opened = { withSecrets: true, decryption: { ...noDecryption, identities: [identity] } }
    expect(await captureError(restoreFrom(database, path, opened))).toMatchObject({
      code: 'conflict',
      hint: expect.stringContaining('SNAILPASS_SECRET_KEY'),
    })
    expect(existsSync(join(database.dataDir, 'secret.key'))).toBeFalse()
    await restoreFrom(database, path, opened, set)
    await (await startServerOn(database, set)).stop()
  })
})

describe('the tool age', () => {
  const age = (args: readonly string[]) => {
    const { success, stderr } = Bun.spawnSync(['age', ...args])
    if (!success) throw new Error(`age: ${stderr}`)
  }

  test('opens a backup, and a file that it encrypted is restored', async () => {
    await using database = await createSqliteTestDatabase()
    await fillWithEdgeCases(database)
    const { file, identity, recipient } = await createAgeKeyPair(database.dataDir)
    const { path } = await writeBackup(targetsOf(database), {
      encryptFor: { recipients: [recipient] },
    })
    const plain = join(database.dataDir, 'plain.sqlite')
    age(['--decrypt', '--identity', file, '--output', plain, path])
    const encrypted = join(database.dataDir, 'again.age')
    age(['--recipient', recipient, '--output', encrypted, plain])
    const before = await contentsOf(database)
    await database.sql('delete from records')
    await restoreFrom(database, encrypted, {
      decryption: { ...noDecryption, identities: [identity] },
    })
    expect(await contentsOf(database)).toEqual(before)

    const armored = join(database.dataDir, 'armored.age')
    age(['--armor', '--recipient', recipient, '--output', armored, plain])
    expect(await captureError(restoreFrom(database, armored))).toMatchObject({
      message: `${armored} is an armored age file, which can't be read`,
      hint: expect.stringContaining('age --decrypt'),
    })
    const cut = join(database.dataDir, 'cut.age')
    writeFileSync(cut, readFileSync(encrypted).subarray(0, 200_000))
    expect(
      await captureError(
        restoreFrom(database, cut, { decryption: { ...noDecryption, identities: [identity] } }),
      ),
    ).toMatchObject({ message: `${cut} is damaged: it can be decrypted only in part` })
    expect(await contentsOf(database)).toEqual(before)
  })

  test('opens a backup with a passphrase', async () => {
    await using database = await createSqliteTestDatabase()
    await fillWithEdgeCases(database)
    const { path } = await createTestBackup(database, { encryptFor: { passphrase: 'open sesame' } })
    // Guessing it takes the work that age's own default makes of it: 2 to the power of 18.
    expect(readFileSync(path, 'latin1')).toMatch(/^age-encryption\.org\/v1\n-> scrypt \S+ 18\n/)
    const plain = join(database.dataDir, 'plain.sqlite')
    // age asks only on a terminal.
    let screen = ''
    const child = Bun.spawn(['age', '--decrypt', '--output', plain, path], {
      terminal: {
        data(terminal, bytes) {
          const before = screen
          screen += new TextDecoder().decode(bytes)
          if (!before.includes('passphrase') && screen.includes('passphrase')) {
            terminal.write('open sesame\n')
          }
        },
      },
    })
    expect(await child.exited).toBe(0)
    expect(
      (
        await verifyBackupFile(targetsOf(database), plain, {
          decryption: noDecryption,
          onProgress: () => {},
        })
      ).isEncrypted,
    ).toBeFalse()
  })
})
