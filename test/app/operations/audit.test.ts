import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  acceptBrokenAudit,
  pruneAudit,
  readAuditLog,
  verifyAudit,
} from '../../../src/app/operations/audit'
import { backUpBefore } from '../../../src/app/operations/backup'
import { copyDatabase } from '../../../src/app/operations/copy'
import { recreateDatabase } from '../../../src/app/operations/recreate'
import { restoreBackup } from '../../../src/app/operations/restore'
import { rotateKey } from '../../../src/app/operations/rotate-key'
import { deleteUser, withUsers } from '../../../src/app/operations/users'
import { systemRuntime } from '../../../src/app/runtime'
import { parseDatabaseUrl } from '../../../src/config/database-url'
import { createAuditSigner } from '../../../src/crypto/audit-signer'
import { type AuditRow, serverEvent } from '../../../src/domain/audit'
import { dataFolder } from '../../../src/files/data-folder'
import { findSecretKey } from '../../../src/files/secret-key'
import { auditLogOf, databaseOf, kindsOf, recordEvents } from '../../support/audit'
import { captureError } from '../../support/capture-error'
import { signUpAndLogIn } from '../../support/client'
import { startPostgresFirst } from '../../support/postgres'
import { aUser } from '../../support/store'
import {
  createAgeKeyPair,
  createPostgresTestDatabase,
  createSqliteTestDatabase,
  createTestBackup,
  enginesWithTables,
  noDecryption,
  startServerOn,
  type TestDatabase,
  targetsOf,
} from '../../support/test-database'
import { until } from '../../support/until'

startPostgresFirst('newest')

const keyOf = (database: TestDatabase) => join(database.dataDir, 'secret.key')
const consent = () => Promise.resolve()
const email = 'owner@nas.local'

/** Runs a server on the database, with a sign-up and a login. */
async function fill(database: TestDatabase, more: Record<string, string> = {}): Promise<void> {
  await using server = await startServerOn(database, more)
  await signUpAndLogIn(server.url, 'owner')
}

const initialKinds = ['trail-begun', 'sign-up', 'login']

async function verifyLog(
  database: TestDatabase,
  expected: string | null = null,
  more: Record<string, string> = {},
) {
  return await verifyAudit(targetsOf(database, more), expected)
}

async function lastDetail(database: TestDatabase): Promise<string | null | undefined> {
  return (await auditLogOf(database)).at(-1)?.detail
}

function restoreFrom(
  database: TestDatabase,
  file: string,
  withSecrets = false,
  decryption = noDecryption,
) {
  const options = { decryption, dryRun: false, withSecrets, consent, onProgress: () => {} }
  return restoreBackup(targetsOf(database), file, options)
}

const withUserRules = <T>(database: TestDatabase, work: Parameters<typeof withUsers<T>>[1]) =>
  withUsers(targetsOf(database), work)

describe.each(enginesWithTables)('the audit log on $engine', ({ open }) => {
  test('records what users and operators did, to which account, and from where', async () => {
    await using database = await open()
    {
      await using server = await startServerOn(database)
      await signUpAndLogIn(server.url, 'owner')
      await withUserRules(database, async (users) => {
        await users.disable(email)
        expect(await users.enable(email)).toBeTrue()
        expect(await users.enable(email)).toBeFalse()
        await users.logout(email)
        expect(await users.confirm(email)).toBeFalse()
        await users.add({ email: 'added@nas.local', masterPasswordHash: 'hash' })
        await users.invite('guest@nas.local', null)
        await users.invite('guest@nas.local', null)
        await users.uninvite('guest@nas.local')
      })
      await deleteUser(targetsOf(database), email, consent)
    }
    const rows = await auditLogOf(database)
    const userId = rows[1]?.userId ?? ''
    expect(userId).not.toBe('')
    const about = { userId, email, count: 1, detail: null }
    const common = { number: expect.any(Number), time: expect.any(Number) }
    const byUser = { ...common, actor: 'user', address: '127.0.0.1', ...about }
    const byOperator = { ...common, actor: 'operator', address: null, ...about }
    expect(rows).toEqual([
      { ...byUser, kind: 'trail-begun', actor: 'server', userId: null, email: null, address: null },
      { ...byUser, kind: 'sign-up' },
      { ...byUser, kind: 'login' },
      { ...byOperator, kind: 'sessions-ended' },
      { ...byOperator, kind: 'user-disabled' },
      { ...byOperator, kind: 'user-enabled' },
      { ...byOperator, kind: 'sessions-ended' },
      { ...byOperator, kind: 'user-added', userId: expect.any(String), email: 'added@nas.local' },
      { ...byOperator, kind: 'invited', userId: null, email: 'guest@nas.local' },
      { ...byOperator, kind: 'uninvited', userId: null, email: 'guest@nas.local' },
      { ...byOperator, kind: 'user-deleted' },
    ])
    expect(await verifyLog(database)).toMatchObject({ rows: 11, problems: [] })

    // A deleted account is found by its email and id; one that never existed is a mistake of the operator.
    const kindsOfUser = async (user: string) => {
      const found: AuditRow[] = []
      const filter = { user, since: null }
      await readAuditLog(targetsOf(database), filter, (page) => found.push(...page))
      return found.map(({ kind }) => kind)
    }
    const ofOwner = rows.filter((row) => row.userId === userId).map(({ kind }) => kind)
    expect(await kindsOfUser('Owner@NAS.local')).toEqual(ofOwner)
    expect(await kindsOfUser(userId)).toEqual(ofOwner)
    for (const nobody of ['nobody@nas.local', 'a\0']) {
      expect(await captureError(kindsOfUser(nobody))).toMatchObject({ code: 'not_found' })
    }
  })

  test('refuses changes that can not be signed without the key', async () => {
    await using database = await open()
    await fill(database)
    const key = readFileSync(keyOf(database))
    const refusals: unknown[] = []
    const asked: string[] = []
    for (const wrongKey of [null, 'A'.repeat(43)]) {
      if (wrongKey === null) rmSync(keyOf(database))
      else writeFileSync(keyOf(database), wrongKey)
      for (const change of [
        () => withUserRules(database, (users) => users.disable(email)),
        () =>
          withUserRules(database, (users) =>
            users.add({ email: 'x@nas.local', masterPasswordHash: 'x' }),
          ),
        () => withUserRules(database, (users) => users.invite('x@nas.local', null)),
        () => deleteUser(targetsOf(database), email, async () => void asked.push('deleted')),
        () => pruneAudit(targetsOf(database)),
        () => verifyLog(database),
      ]) {
        await change().catch((error) => refusals.push(error))
      }
    }
    expect(refusals).toHaveLength(12)
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('secret key'),
        hint: expect.stringContaining('as its user or root'),
      })
    }
    // Nothing was asked, backed up or changed; reading needs no key.
    const users = await withUserRules(database, (rules) => rules.list())
    expect(users).toMatchObject([{ email, isDisabled: false }])
    expect(await withUserRules(database, (rules) => rules.listInvitations())).toEqual([])
    expect({ asked, hasBackups: existsSync(join(database.dataDir, 'backups')) }).toEqual({
      asked: [],
      hasBackups: false,
    })
    expect(await kindsOf(database)).toEqual(initialKinds)
    writeFileSync(keyOf(database), key)
    expect(await verifyLog(database)).toMatchObject({ rows: 3, problems: [] })
  })

  test('is verified under the old key and signed again under the new one when the key is rotated', async () => {
    await using database = await open()
    await fill(database)
    const { newestValue } = await verifyLog(database)
    const rotated = await rotateKey(targetsOf(database))
    expect(rotated).toMatchObject({ auditFindings: '3 rows before, verified' })
    const report = await verifyLog(database, newestValue)
    expect(report).toMatchObject({ rows: 4, problems: [], expectedStatus: 'missing' })
    expect((await auditLogOf(database)).at(-1)).toMatchObject({
      ...{ kind: 'key-rotated', actor: 'operator' },
      detail: 'all sessions ended; the trail: 3 rows before, verified',
    })
    // To a key in the settings, and from there to another one, with the old key given as text.
    const set = { SNAILPASS_SECRET_KEY: 'a key of the settings' }
    await rotateKey(targetsOf(database, set))
    expect(await verifyLog(database, null, set)).toMatchObject({ rows: 5, problems: [] })
    const other = targetsOf(database, { SNAILPASS_SECRET_KEY: 'another key of theirs' })
    const rotateFrom = (oldKey: string) => rotateKey(other, { oldKey, acceptBroken: false })
    expect(await captureError(rotateFrom('a stranger to it all'))).toMatchObject({
      code: 'invalid',
    })
    expect(await rotateFrom('a key of the settings')).toEqual({
      path: null,
      auditFindings: '5 rows before, verified',
    })
    // With a lost key, the log can't be verified.
    expect(await rotateKey(targetsOf(database))).toMatchObject({
      auditFindings: '6 rows before, signed by a key that is not here: not verifiable',
    })
    expect(await verifyLog(database)).toMatchObject({ rows: 7, problems: [] })
    expect(await lastDetail(database)).toContain('not verifiable')
  })

  test('that was tampered with prevents a key rotation, unless the operator accepts it', async () => {
    await using database = await open()
    await fill(database)
    const key = readFileSync(keyOf(database))
    await database.sql(`update audit set address = '10.0.0.1' where seq = 3`)
    const epochs = await database.sql('select session_epoch from users')
    expect(await captureError(rotateKey(targetsOf(database)))).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('tampered with: row 3 is not what was written there'),
      hint: expect.stringContaining('--accept-broken-trail'),
    })
    expect(readFileSync(keyOf(database))).toEqual(key)
    expect(await database.sql('select session_epoch from users')).toEqual(epochs)
    expect((await verifyLog(database)).problems).toHaveLength(1)

    const accepting = { oldKey: null, acceptBroken: true }
    await rotateKey(targetsOf(database), accepting)
    expect(await verifyLog(database)).toMatchObject({ rows: 4, problems: [] })
    expect(await lastDetail(database)).toContain('not as they were written: row 3')
  })

  test('that records a break has none left after a key rotation that accepts it', async () => {
    await using database = await open()
    await fill(database)
    await databaseOf(database).withShared(async (store) => {
      const key = findSecretKey(dataFolder(database.dataDir)) ?? new Uint8Array()
      store.setAuditSigner(() => createAuditSigner(key))
      await recordEvents(store, serverEvent(Date.now(), 'trail-broken', { detail: 'gone' }))
    })
    const broken = ['row 4 says that it was broken: gone']
    await rotateKey(targetsOf(database))
    expect(await verifyLog(database)).toMatchObject({ problems: [], recordedBreaks: broken })
    await rotateKey(targetsOf(database), { oldKey: null, acceptBroken: true })
    expect((await kindsOf(database)).slice(-2)).toEqual(['trail-accepted', 'key-rotated'])
    expect(await verifyLog(database)).toMatchObject({ problems: [], recordedBreaks: [] })
    expect(await acceptBrokenAudit(targetsOf(database))).toEqual([])
  })

  test('of a backup is verified by a restore under the same key', async () => {
    await using database = await open()
    await fill(database)
    const { newestValue } = await verifyLog(database)
    const { path } = await createTestBackup(database)
    await withUserRules(database, (users) => users.logout(email))
    await restoreFrom(database, path)
    expect(await kindsOf(database)).toEqual([...initialKinds, 'restored'])
    expect(await lastDetail(database)).toMatch(
      /^an archive of 20\S+Z; all sessions ended; the trail: 3 rows before, verified$/,
    )
    expect(await verifyLog(database, newestValue)).toMatchObject({
      rows: 4,
      problems: [],
      expectedStatus: 'found',
    })
  })

  test('of another server is signed again by a restore, which records that it can not be verified', async () => {
    await using source = await createSqliteTestDatabase()
    await using database = await open()
    await fill(source)
    await fill(database)
    const { path } = await createTestBackup(source)
    await restoreFrom(database, path)
    expect(await kindsOf(database)).toEqual([...initialKinds, 'restored'])
    expect(await lastDetail(database)).toContain(
      '; the trail: 3 rows before, signed by a key that is not here',
    )
    expect(await verifyLog(database)).toMatchObject({ rows: 4, problems: [] })
    await using server = await startServerOn(database)
    await until(
      () => server.log.join('').includes('"newest":"4:'),
      'the log line that row 4 is the newest one',
    )
  })

  test('starts again with a row that records that the database was emptied', async () => {
    await using database = await open()
    await fill(database)
    const { newestValue } = await verifyLog(database)
    await recreateDatabase(targetsOf(database), consent)
    expect(await kindsOf(database)).toEqual(['recreated'])
    await databaseOf(database).withShared((store) => store.write((tx) => tx.users.insert(aUser())))
    {
      await using server = await startServerOn(database)
      // It can't be distinguished from a database whose signatures were removed.
      const warning = server.log.find((line) =>
        line.includes('the database had no secret key, but data'),
      )
      expect(JSON.parse(warning ?? '{}')).toMatchObject({ level: 'warn', accounts: 1, rows: 1 })
    }
    expect(await kindsOf(database)).toEqual(['recreated', 'trail-carried'])
    const unverified = ['1 row before row 2 was signed without verification']
    const report = await verifyLog(database, newestValue)
    expect(report).toMatchObject({ rows: 2, problems: [], unverified, expectedStatus: 'missing' })
    await using server = await startServerOn(database)
    expect(server.log.join('')).not.toContain('the database had no secret key')
  })
})

describe('the audit log', () => {
  test('of a backup is signed by the first server of a new machine', async () => {
    await using source = await createSqliteTestDatabase()
    await using database = await createSqliteTestDatabase()
    await fill(source)
    const { path } = await createTestBackup(source)
    await restoreFrom(database, path)
    expect(existsSync(keyOf(database))).toBeFalse()
    expect(await captureError(verifyLog(database))).toMatchObject({
      code: 'unavailable',
      message: 'the database has no secret key yet',
    })
    await (await startServerOn(database)).stop()
    expect(await kindsOf(database)).toEqual([...initialKinds, 'restored', 'trail-carried'])
    expect(await lastDetail(database)).toContain('4 rows before, signed by a key that is not here')
    expect(await verifyLog(database)).toMatchObject({ rows: 5, problems: [] })
  })

  test('that is restored together with its key is verified as it was', async () => {
    await using source = await createSqliteTestDatabase()
    await using database = await createSqliteTestDatabase()
    await fill(source)
    const { newestValue } = await verifyLog(source)
    const { identity, recipient } = await createAgeKeyPair(source.dataDir)
    const encryptFor = { recipients: [recipient] }
    const { path } = await createTestBackup(source, { withSecrets: true, encryptFor })
    await restoreFrom(database, path, true, { ...noDecryption, identities: [identity] })
    expect(await lastDetail(database)).toContain('3 rows before, verified')
    expect(await verifyLog(database, newestValue)).toMatchObject({
      rows: 4,
      problems: [],
      expectedStatus: 'found',
    })
  })

  test('is copied, and verified as it was by a server with the same key', async () => {
    await using source = await createSqliteTestDatabase()
    await using database = await createPostgresTestDatabase()
    await fill(source)
    // A database that had a server, but no accounts, counts as empty.
    await (await startServerOn(database)).stop()
    const { newestValue } = await verifyLog(source)
    const between = { from: parseDatabaseUrl(source.url), to: parseDatabaseUrl(database.url) }
    await copyDatabase(targetsOf(database), between, null)
    writeFileSync(keyOf(database), readFileSync(keyOf(source)))
    await (await startServerOn(database)).stop()
    expect(await kindsOf(database)).toEqual([...initialKinds, 'copied', 'trail-carried'])
    expect((await auditLogOf(database)).at(-2)?.detail).toMatch(/^from \/.*vaults\.db$/)
    expect(await lastDetail(database)).toContain('3 rows before, verified; 1 more, never signed')
    expect(await verifyLog(database, newestValue)).toMatchObject({
      rows: 5,
      problems: [],
      expectedStatus: 'found',
    })
  })
})

/** A runtime whose clock stands still, and in which each round of the audit writer waits for the test. */
function createSteppedRuntime() {
  let now = Date.now()
  const waiting: (() => void)[] = []
  const runtime = {
    clock: () => now,
    wait: (milliseconds: number, signal?: AbortSignal) => {
      if (milliseconds !== 5_000) return systemRuntime.wait(milliseconds, signal)
      return new Promise<void>((resolve, reject) => {
        waiting.push(resolve)
        signal?.addEventListener('abort', () => reject(signal.reason))
      })
    },
  }
  const advance = (milliseconds: number) => {
    now += milliseconds
  }
  return { runtime, waiting, advance }
}

describe('a server', () => {
  test('logs the newest row at its start and every day, prunes, and reports when that row is gone', async () => {
    await using database = await createSqliteTestDatabase()
    const day = 24 * 60 * 60_000
    const { runtime, waiting, advance } = createSteppedRuntime()
    await using server = await startServerOn(database, { SNAILPASS_AUDIT_DAYS: '3' }, runtime)
    const newest = () => server.log.filter((line) => line.includes('audit log head')).length
    const runNextCheck = async (isDaily: boolean) => {
      const lines = server.log.length
      await until(() => waiting.length > 0, 'the audit writer to wait for its next round')
      waiting.shift()?.()
      if (isDaily) await until(() => server.log.length > lines, 'the log line of the daily check')
      else await until(() => waiting.length > 0, 'the round of the audit writer to end')
    }
    await until(() => newest() > 0, 'the log line of the newest row at the start')
    await signUpAndLogIn(server.url, 'owner')
    await runNextCheck(false)
    expect(newest()).toBe(1)
    advance(day)
    await runNextCheck(true)
    expect(newest()).toBe(2)
    advance(2 * day + 60_000)
    await runNextCheck(true)
    await until(() => server.log.join('').includes('pruned '), 'the log line of the pruning')
    expect(await kindsOf(database)).toEqual([])
    expect((await verifyLog(database)).problems).toEqual([])
    expect(server.log.join('')).not.toContain('cut or replaced')

    await signUpAndLogIn(server.url, 'other')
    advance(day)
    await runNextCheck(true)
    await database.sql('delete from audit')
    advance(day)
    await runNextCheck(true)
    expect(server.log.join('')).toContain('the audit log was cut or replaced')
  })

  test('detects that the audit log was rolled back, in the next round and at its end', async () => {
    await using database = await createSqliteTestDatabase()
    const { runtime, waiting } = createSteppedRuntime()
    await using server = await startServerOn(database, {}, runtime)
    const runRound = async () => {
      await until(() => waiting.length > 0, 'the audit writer to wait for its next round')
      waiting.shift()?.()
      await until(() => waiting.length > 0, 'the round of the audit writer to end')
    }
    const errors = () => server.log.filter((line) => line.includes('was cut or replaced')).length
    const rollBack = async (number: number, { mac, seal }: Record<string, unknown>) => {
      await database.sql(`delete from audit where seq > ${number}`)
      await database.sql(
        `update audit_marks set number = ${number}, mac = '${mac}', seal = '${seal}' where name = 'head'`,
      )
    }
    const head = `select mac, seal from audit_marks where name = 'head'`
    await signUpAndLogIn(server.url, 'owner')
    const [before = {}] = await database.sql(head)
    await signUpAndLogIn(server.url, 'other')
    await runRound()
    await rollBack(3, before)
    // In itself, the older state is intact, and new rows are added.
    expect(await verifyLog(database)).toMatchObject({ rows: 3, problems: [], recordedBreaks: [] })
    await signUpAndLogIn(server.url, 'third')
    await runRound()
    expect(errors()).toBe(1)
    expect(await kindsOf(database)).toEqual([...initialKinds, 'sign-up', 'login', 'trail-broken'])
    const expectedProblem = (row: number, newest: number) =>
      `row ${row} says that it was broken: row ${newest} was the newest one, and is gone or another: the trail was cut or put back`
    expect(await verifyLog(database)).toMatchObject({
      problems: [],
      recordedBreaks: [expectedProblem(6, 5)],
    })

    // Once for each rollback.
    await runRound()
    await runRound()
    expect(errors()).toBe(1)
    await rollBack(3, before)
    await server.stop()
    expect(errors()).toBe(2)
    expect(await verifyLog(database)).toMatchObject({
      rows: 4,
      problems: [],
      recordedBreaks: [expectedProblem(4, 6)],
    })
  })

  test('prunes nothing that was tampered with, and logs an error', async () => {
    await using database = await createSqliteTestDatabase()
    await fill(database)
    await database.sql(`update audit set time = ${Date.UTC(2026, 0, 2)}`)
    await using server = await startServerOn(database, { SNAILPASS_AUDIT_DAYS: '3' })
    const line = await until(
      () => server.log.find((text) => text.includes("can't prune the audit log")),
      'the error that the audit log is not pruned',
    )
    expect(line).toContain('"level":"error"')
    expect(await kindsOf(database)).toEqual(initialKinds)
    expect((await verifyLog(database)).problems).not.toEqual([])
  })

  test('writes the sign-ins that it has counted when it stops', async () => {
    await using database = await createSqliteTestDatabase()
    {
      await using server = await startServerOn(database)
      const client = await signUpAndLogIn(server.url, 'owner')
      const headers = { authorization: `Basic ${btoa(`${email}:wrong`)}` }
      for (let index = 0; index < 5; index++)
        await fetch(new URL('/login', server.url), { headers })
      expect(client.token).not.toBe('')
      await server.stop()
      expect(server.log.join('')).toContain('"newest":"5:')
    }
    const rows = await auditLogOf(database)
    expect(rows.slice(3).map(({ kind, count }) => [kind, count])).toEqual([
      ['login-failed', 1],
      ['login-failed', 4],
    ])
    expect((await verifyLog(database)).problems).toEqual([])
  })
})

test('the backup taken before a restore contains the audit log from before', async () => {
  await using database = await createSqliteTestDatabase()
  await fill(database)
  const before = await auditLogOf(database)
  const { path } = await createTestBackup(database)
  await withUserRules(database, (users) => users.logout(email))
  const { safetyBackup } = await restoreFrom(database, path)
  expect(await auditLogOf(database)).toHaveLength(before.length + 1)
  await restoreFrom(database, String(safetyBackup))
  expect((await auditLogOf(database)).map(({ kind }) => kind)).toEqual([
    ...initialKinds,
    'sessions-ended',
    'restored',
  ])
  expect(await backUpBefore(targetsOf(database), 'test')).toContain('before-test')
})
