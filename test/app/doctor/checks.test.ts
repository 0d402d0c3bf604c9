import { Database as SqliteFile } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { checkAccounts } from '../../../src/app/doctor/accounts'
import { checkAuditLog } from '../../../src/app/doctor/audit'
import { checkClock } from '../../../src/app/doctor/clock'
import { checkBackups, checkDatabase, checkKey } from '../../../src/app/doctor/database'
import { runChecks } from '../../../src/app/doctor/doctor'
import { checkPermissions, checkSpace } from '../../../src/app/doctor/files'
import { checkFileSystem, checkResourceLimits } from '../../../src/app/doctor/machine'
import { writeBackup } from '../../../src/app/operations/backup'
import { systemRuntime } from '../../../src/app/runtime'
import { readSettings } from '../../../src/config/reading'
import type { BackupState } from '../../../src/domain/backup-state'
import { writeNewSecretKey } from '../../../src/files/secret-key'
import { captureError } from '../../support/capture-error'
import { modeOf } from '../../support/data-folder'
import { temporaryFolder } from '../../support/executable'
import { createTemporaryFile } from '../../support/settings-file'
import { aUser } from '../../support/store'
import {
  createSqliteTestDatabase,
  createTestBackup,
  startServerOn,
  type TestDatabase,
  targetsIn,
  targetsOf,
} from '../../support/test-database'
import { random } from '../../support/timing'

/** Targets of a machine, of which nothing exists. */
const targetsWith = (environment: Record<string, string> = {}) =>
  targetsIn('/srv/snailpass', environment)

const hour = 3_600_000
const now = Date.UTC(2026, 10, 24, 12)
const at = (database: TestDatabase, time = now) => targetsOf(database, {}, { clock: () => time })

/** Creates a database that a server has used, and its data folder. */
async function createDatabase() {
  const database = await createSqliteTestDatabase()
  await (await startServerOn(database)).stop()
  return database
}

describe('the doctor reports of the disk', () => {
  const check = (free: number | null, environment: Record<string, string> = {}) => {
    const measured: string[] = []
    const outcome = checkSpace(targetsWith(environment), (path) => {
      measured.push(path)
      return free
    })
    return { ...outcome, measured }
  }
  const fix =
    "find out what uses the space: df -h '/srv/snailpass'; du -xh --max-depth=1 '/srv/snailpass'"
  const nearlyFull = (megabytes: number) => ({
    what: `the disk is nearly full: ${megabytes} MB are free`,
    why: 'below 64 MB, writes are refused',
    fix,
  })
  const measured = ['/srv/snailpass/snailpass.db']

  test('nothing if there is twice the limit, or if free space is unknown', () => {
    expect(check(128_000_000)).toEqual({ fact: '128 MB are free', measured })
    expect(check(null)).toEqual({ fact: 'free space unknown', measured })
  })

  test('that it is nearly full below that, and full below the limit', () => {
    expect(check(127_999_999)).toEqual({
      ...{ fact: '127 MB are free', findings: [nearlyFull(127)], measured },
    })
    expect(check(64_000_000)).toEqual({
      ...{ fact: '64 MB are free', findings: [nearlyFull(64)], measured },
    })
    const full = { what: 'the disk is full: 63 MB are free', why: 'writes are refused (507)', fix }
    expect(check(63_999_999)).toEqual({ fact: '63 MB are free', findings: [full], measured })
    expect(check(5_000_000, { SNAILPASS_MIN_FREE_SPACE: '2MB' })).toEqual({
      ...{ fact: '5 MB are free', measured },
    })
  })

  test('that the one of the data folder is nearly full, which refuses no write to Postgres', () => {
    const postgres = { SNAILPASS_DATABASE_URL: 'postgres://u:p@db/vaults' }
    expect(check(1_000_000, postgres)).toEqual({
      ...{ fact: '1 MB are free', findings: [nearlyFull(1)], measured: ['/srv/snailpass'] },
    })
  })
})

describe('the doctor reports of the machine', () => {
  const machine = (files: Readonly<Record<string, string>>) => (path: string) => files[path] ?? null

  test.each([
    ['1024', '160000000', []],
    ['1023', '159999999', ['files', 'memory']],
  ])('%s open files and %s bytes of memory', (files, bytes, kinds) => {
    const { fact, findings } = checkResourceLimits(
      machine({
        '/proc/self/limits': `Limit  Soft\nMax open files            ${files}   4096  files\n`,
        '/proc/meminfo': 'MemTotal: 1 kB\nMemAvailable:     900000 kB\n',
        // The root of the control groups.
        '/proc/self/cgroup': '0::/\n',
        '/sys/fs/cgroup/memory.max': `${bytes}\n`,
      }),
    )
    const megabytes = bytes === '160000000' ? 160 : 159
    expect(fact).toBe(`${files} files, ${megabytes} MB of memory`)
    const all = {
      files: {
        what: `only ${files} files may be open at the same time`,
        why: 'each connection counts as one, and a client opens hundreds at once: some would be refused',
        fix: 'run ulimit -n 1024 in the shell that starts the server, or set LimitNOFILE=65536 in its unit',
      },
      memory: {
        what: `only ${megabytes} MB of memory are available`,
        why: 'the system kills a server that needs more, with all requests in progress',
        fix: 'give the machine or its container more memory, or stop other programs',
      },
    }
    expect(findings).toEqual(kinds.map((kind) => all[kind as keyof typeof all]))
  })

  test('what of it is known', () => {
    expect(checkResourceLimits(machine({ '/proc/meminfo': 'MemAvailable: 200000 kB' }))).toEqual({
      ...{ fact: '204 MB of memory', findings: [] },
    })
    const limits = { '/proc/self/limits': 'Max open files 4096 4096 files' }
    expect(checkResourceLimits(machine(limits))).toEqual({ fact: '4096 files', findings: [] })
    const unlimited = { ...limits, '/proc/self/limits': 'Max open files unlimited unlimited files' }
    expect(checkResourceLimits(machine(unlimited))).toEqual({
      ...{ fact: 'limits unknown', findings: [] },
    })
  })

  test('the file system of the database: of the longest mount point, and of the last mount there', () => {
    const mountinfo = (...lines: string[]) =>
      machine({ '/proc/self/mountinfo': lines.map((line) => `1 2 3:4 ${line}`).join('\n') })
    const find = (...lines: string[]) =>
      checkFileSystem('/srv/vaults/v.db', mountinfo(...lines)).fact
    expect(find('/ / rw - ext4 /dev/sda rw')).toBe('the database is on ext4')
    expect(find('/ /srv rw - xfs /dev/sdb rw', '/ / rw - ext4 /dev/sda rw')).toBe(
      'the database is on xfs',
    )
    expect(find('/ /srv rw - xfs /dev/sdb rw', '/ /srv rw - btrfs /dev/sdc rw')).toBe(
      'the database is on btrfs',
    )
    // A file can be a mount point itself.
    expect(find('/ / rw - ext4 /dev/sda rw', '/v.db /srv/vaults/v.db rw - nfs4 nas:/v rw')).toBe(
      'the database is on nfs4',
    )
    expect(find('/ /srv/vault rw - nfs nas:/v rw')).toBe(
      'the database is on an unknown file system',
    )
    for (const type of ['nfs', 'nfs4', 'cifs', 'smb3', 'smbfs', '9p', 'ceph', 'fuse.sshfs']) {
      const { findings } = checkFileSystem('/srv/v.db', mountinfo(`/ /srv rw - ${type} x rw`))
      expect(findings, type).toEqual([
        {
          what: `/srv/v.db is on a network file system (${type})`,
          why: 'SQLite needs locks and shared memory that do not work reliably there: the database can be damaged',
          fix: 'move the data folder to a disk of this machine, or move the data to Postgres with `snailpass copy`',
        },
      ])
    }
    for (const type of ['nfsd', 'fuse.ext4', 'tmpfs', 'fuseblk'])
      expect(
        checkFileSystem('/srv/v.db', mountinfo(`/ /srv rw - ${type} x rw`)).findings,
      ).toBeUndefined()
  })
})

describe('the doctor compares', () => {
  test('the clock with the newest row, which may be five minutes ahead', async () => {
    await using database = await createDatabase()
    const newest = Date.now() + 3_600_000
    const text = (time: number) => new Date(time).toISOString()
    await database.sql(`insert into users (id, email, master_password_hash, email_confirmed, session_epoch, creation_time, disabled)
      values ('u', 'u', 'v', 1, 'e', ${newest}, 0)`)
    const check = (time: number, isSynchronized: boolean | null = null) =>
      checkClock(at(database, time), () => Promise.resolve(isSynchronized))
    expect(await check(newest - 300_000)).toEqual({
      ...{ fact: `it is ${text(newest - 300_000)}`, findings: [] },
    })
    const [why, fix] = [
      'sessions and links expire by the clock, and backups and emails are scheduled by it',
      'timedatectl set-ntp true, or set the clock by hand',
    ]
    expect(await check(newest - 300_001, true)).toEqual({
      fact: `it is ${text(newest - 300_001)}, set by a time service`,
      findings: [
        {
          what: `the clock of this machine is behind: it shows ${text(newest - 300_001)}, and the database contains a row from ${text(newest)}`,
          why: `${why}; nothing is deleted by age`,
          fix: 'set the clock: timedatectl set-ntp true, or by hand; if it is right, the server believes it once it has run for a day',
        },
      ],
    })
    expect(await check(newest, false)).toEqual({
      fact: `it is ${text(newest)}`,
      findings: [{ what: 'no time service sets the clock of this machine', why, fix }],
    })
  })

  test('the key with that of the database', async () => {
    await using database = await createSqliteTestDatabase()
    await at(database).database.withExclusive({ create: true }, () => Promise.resolve())
    expect(await checkKey(at(database))).toEqual({ fact: 'no server has used the database yet' })
    expect(await checkAuditLog(at(database))).toEqual({
      fact: 'not signed yet: the first server that starts signs it',
    })
    await (await startServerOn(database)).stop()
    expect(await checkKey(at(database))).toEqual({ fact: 'the secret key matches the database' })
    const { folder } = at(database)
    // Of `key rotate` that was killed before its commit, and after it.
    writeNewSecretKey(folder, random(32))
    const interrupted = {
      fact: 'the secret key matches the database; a command that replaces keys was interrupted, and the next start of the server ends that',
    }
    expect(await checkKey(at(database))).toEqual(interrupted)
    renameSync(folder.secretKey, folder.newSecretKey)
    writeFileSync(folder.secretKey, `${'A'.repeat(43)}\n`)
    expect(await checkKey(at(database))).toEqual(interrupted)
    expect(await checkAuditLog(at(database))).toMatchObject({ findings: [] })
    renameSync(folder.newSecretKey, folder.secretKey)
    const finding = {
      why: 'no server can start here',
      fix: 'copy the secret.key of its other servers into the data folder; if it is lost, run snailpass key rotate',
    }
    const fact = 'the secret key does not match the database'
    const other = targetsOf(database, { SNAILPASS_SECRET_KEY: 'another key altogether' })
    expect(await checkKey(other)).toEqual({
      fact,
      findings: [{ what: 'the database has another secret key', ...finding }],
    })
    await using elsewhere = await createSqliteTestDatabase()
    const without = targetsOf({ ...database, dataDir: elsewhere.dataDir })
    expect(await checkKey(without)).toEqual({
      fact,
      findings: [{ what: 'the secret key of the database is missing', ...finding }],
    })
    for (const targets of [other, without])
      expect(await captureError(checkAuditLog(targets))).toMatchObject({
        message: expect.stringContaining('only be verified with the secret key'),
      })
  })
})

describe('the doctor verifies', () => {
  test('the audit log', async () => {
    await using database = await createDatabase()
    expect(await checkAuditLog(at(database))).toEqual({ fact: '1 row, verified', findings: [] })
    await database.sql("update audit set detail = 'x'")
    expect(await checkAuditLog(at(database))).toEqual({
      fact: '1 row, verification failed',
      findings: [
        {
          what: 'the audit log was tampered with: row 1 is not what was written there: it was changed, put in or moved',
          why: 'someone may have had write access to the database, or its disk is failing',
          fix: 'keep a copy of the database and run snailpass audit verify; to accept the log as it is, run snailpass audit prune --accept-broken-trail',
        },
      ],
    })
  })

  test('the whole database', async () => {
    await using database = await createDatabase()
    expect(await checkDatabase(at(database))).toEqual({
      ...{ fact: '3 rows, integrity check passed', findings: [] },
    })
    {
      using file = new SqliteFile(database.url.slice('sqlite:'.length))
      file.run('pragma foreign_keys = off')
      file.run(
        "insert into additional_fields (id, record_id, name, value) values ('f', 'r', '', '')",
      )
    }
    expect(await checkDatabase(at(database))).toEqual({
      fact: '4 rows, integrity check failed',
      findings: [
        {
          what: 'the database is damaged: 1 row of additional_fields without their records',
          why: 'damaged rows may be lost, and the damage may grow',
          fix: 'stop the server, keep a copy of the database, restore the newest backup (`snailpass backup list`, `snailpass restore FILE`) and check the disk',
        },
      ],
    })
  })

  test('it with ten other objects by their names, and with more than that by ten and their number', async () => {
    await using database = await createDatabase()
    const factWith = async (statement: string) => {
      await database.sql(statement)
      const { fact, findings } = await checkDatabase(at(database))
      expect(findings).toEqual([])
      return fact
    }
    const tables = (names: readonly string[]) => names.map((name) => `the table ${name}`).join(', ')
    const names = [...'abcdefghij']
    for (const name of names.slice(1)) await database.sql(`create table ${name} (id text)`)
    const begin = '3 rows, integrity check passed; not of SnailPass, and left alone: '
    expect(await factWith('create table a (id text)')).toBe(`${begin}${tables(names)}`)
    expect(await factWith('create table k (id text)')).toBe(`${begin}${tables(names)}, 1 more`)
    expect(await factWith('create table l (id text)')).toBe(`${begin}${tables(names)}, 2 more`)
  })

  test('that there is a recent backup, whose file exists if it is on this machine', async () => {
    await using database = await createDatabase()
    const save = (state: Partial<BackupState>) =>
      at(database).database.withShared((store) =>
        store.write((tx) =>
          tx.backups.save({ since: now, claimedUntil: 0, verified: null, failure: null, ...state }),
        ),
      )
    const problemOf = async () => {
      const { fact, findings, fixed } = await checkBackups(at(database), false)
      return { fact, what: findings?.map(({ what }) => what), fixed }
    }
    const none = 'there is no verified backup yet'
    expect(await checkBackups(at(database), false)).toEqual({
      fact: none,
      findings: [
        { what: none, why: 'a disk failure would lose all data', fix: 'snailpass backup' },
      ],
    })
    await save({ failure: { time: now, reason: 'the disk is away' } })
    expect(await problemOf()).toEqual({
      ...{ fact: none, what: ['the last backup failed: the disk is away'], fixed: undefined },
    })
    const missing = { time: now - hour, path: '/nonexistent/a.sqlite', host: hostname() }
    await save({ verified: missing })
    const fact = 'the newest verified backup is /nonexistent/a.sqlite, from 2026-11-24 11:00 UTC'
    expect(await problemOf()).toEqual({
      ...{ fact, fixed: undefined },
      what: ['the newest verified backup is gone: /nonexistent/a.sqlite'],
    })
    await save({ verified: { ...missing, host: 'another machine' } })
    expect(await problemOf()).toEqual({ fact, what: undefined, fixed: undefined })
    await save({ verified: { ...missing, time: now - 48 * hour - 1, host: 'another machine' } })
    expect((await problemOf()).what).toEqual([
      'there is no recent backup: none was verified in the last two days',
    ])
    // A fix creates one, and none where nothing is wrong.
    const { fact: fixedFact, findings, fixed } = await checkBackups(targetsOf(database), true)
    const path = /^created a backup: (?<path>.+)$/.exec(fixed?.[0] ?? '')?.groups?.['path'] ?? ''
    expect({ findings, count: fixed?.length, exists: existsSync(path) }).toEqual({
      ...{ findings: undefined, count: 1, exists: true },
    })
    expect(fixedFact).toStartWith(`the newest verified backup is ${path}, from `)
    expect(await checkBackups(targetsOf(database), true)).toEqual({ fact: fixedFact })
  })

  test('the backup folder of the settings, and that there is a backup of the same night', async () => {
    await using database = await createDatabase()
    using folder = temporaryFolder()
    const [backups, stick] = [join(folder.path, 'backups'), join(folder.path, 'stick')]
    const targets = targetsOf(database, { SNAILPASS_BACKUP_DIR: backups })
    for (const path of [backups, stick]) mkdirSync(path, { mode: 0o700 })
    const nightly = await writeBackup(targets)
    const manual = await writeBackup(targets, { to: stick })
    const note = `; note: the backup folder ${backups} is on the same disk as the data, copy the backups elsewhere`
    const factOf = async (fix = false) => {
      const { fact, findings = [] } = await checkBackups(targets, fix)
      expect(fact).toEndWith(note)
      return [fact.slice(0, -note.length), ...findings.map(({ what }) => what)]
    }
    expect(await factOf()).toEqual([expect.stringContaining(`verified backup is ${manual.path}`)])
    // Unplugged.
    rmSync(stick, { recursive: true })
    expect(await factOf()).toEqual([expect.stringContaining(`newest backup is ${nightly.path}`)])
    // What only looks like a backup does not count.
    writeFileSync(nightly.path, 'damaged')
    expect(await factOf()).toEqual([
      expect.stringContaining(`verified backup is ${manual.path}`),
      `the newest verified backup is gone: ${manual.path}`,
    ])
    rmSync(backups, { recursive: true })
    for (const fix of [false, true]) {
      const { fact, findings } = await checkBackups(targets, fix)
      expect(fact).not.toContain('note')
      expect(findings).toEqual([
        {
          what: `the backup folder ${backups} does not exist`,
          why: 'no backup can be written there; snailpass does not create it, because its disk may not be mounted',
          fix: `mount its disk, or create it: mkdir ${backups}`,
        },
        {
          what: `the newest verified backup is gone: ${manual.path}`,
          why: 'a disk failure would lose all data',
          fix: 'snailpass backup',
        },
      ])
      expect(existsSync(backups)).toBeFalse()
    }
  })

  test('that only the user of the server can write to the backup folder', async () => {
    await using database = await createDatabase()
    using folder = temporaryFolder()
    const targets = targetsOf(database, { SNAILPASS_BACKUP_DIR: folder.path })
    const find = async (fix: boolean) => {
      const { fact, findings = [], fixed = [] } = await checkPermissions(targets, fix)
      return { fact, what: findings.map(({ what }) => what), fixed }
    }
    await find(true)
    const clean = { fact: 'file permissions OK', what: [], fixed: [] }
    expect(await find(false)).toEqual(clean)
    chmodSync(folder.path, 0o777)
    expect(await find(false)).toEqual({
      fact: 'the backup folder is writable by other users',
      what: [
        `other users of this machine can change the backups in ${folder.path}: all users can write there`,
      ],
      fixed: [],
    })
    expect(await find(true)).toEqual({
      ...clean,
      fixed: [`removed the access of other users to ${folder.path}`],
    })
    expect(modeOf(folder.path)).toBe('755')
  })

  test('that secret files are for their owner only, and fixes that on request', async () => {
    await using database = await createDatabase()
    const targets = at(database)
    const { folder } = targets
    expect(await checkPermissions(targets, true)).toEqual({
      ...{ fact: 'file permissions OK', findings: [], fixed: [] },
    })
    const path = database.url.slice('sqlite:'.length)
    chmodSync(folder.secretKey, 0o604)
    chmodSync(path, 0o640)
    const finding = (what: string, mode: string) => ({
      what: `other users of this machine can read ${what}`,
      why: 'keys sign sessions and certificates, and the database contains emails, hints and password hashes',
      fix: `chmod ${mode} '${what}'`,
    })
    expect(await checkPermissions(targets, false)).toEqual({
      fact: 'files are readable by other users',
      findings: [finding(folder.secretKey, '600'), finding(path, '600')],
      fixed: [],
    })
    expect(modeOf(path)).toBe('640')
    expect(await checkPermissions(targets, true)).toEqual({
      ...{ fact: 'file permissions OK', findings: [] },
      fixed: [folder.secretKey, path].map((file) => `removed the access of other users to ${file}`),
    })
    expect([modeOf(path), modeOf(folder.secretKey)]).toEqual(['600', '600'])
  })
})

test('a check that needs the database is skipped if that can not be used, and the others are not', async () => {
  await using database = await createSqliteTestDatabase()
  mkdirSync(database.dataDir, { recursive: true })
  const path = join(database.dataDir, 'snailpass.db')
  writeFileSync(path, 'no database '.repeat(20), { mode: 0o600 })
  const input = { environment: {}, flags: { dataDir: database.dataDir }, file: null }
  const results = await runChecks(readSettings(input), systemRuntime, { fix: false })
  expect(results.map(({ name }) => name)).toEqual([
    ...['settings', 'version', 'server', 'database', 'secret key', 'accounts', 'history', 'audit'],
    ...['permissions', 'space', 'file system', 'limits', 'clock', 'backups', 'certificate'],
    ...['mail', 'sign-up'],
  ])
  const result = (wanted: string) => results.find(({ name }) => name === wanted)
  expect(result('database')).toEqual({
    ...{ name: 'database', fact: null, fixed: [], failure: null },
    findings: [
      {
        what: `${path} is damaged: it does not begin as a SQLite database does`,
        why: "the server can't start",
        fix: `there is no good backup in ${database.dataDir}/backups: if you have one elsewhere, run \`snailpass restore FILE\`; check the disk`,
      },
    ],
  })
  const skipped = results.filter(({ failure }) => failure === 'the database has to be usable first')
  expect(skipped.map(({ name, fact, findings }) => ({ name, fact, findings }))).toEqual(
    ['secret key', 'accounts', 'history', 'audit', 'clock'].map((name) => ({
      name,
      fact: null,
      findings: [],
    })),
  )
  expect(result('version')).toMatchObject({ findings: [], failure: null })
  expect(result('mail')).toEqual({
    ...{ name: 'mail', fact: 'email is off', findings: [], fixed: [], failure: null },
  })
  expect(result('settings')).toMatchObject({ fact: '1 set, no settings file', findings: [] })
})

test('accounts that their owners have deleted are counted', async () => {
  await using database = await createDatabase()
  const targets = targetsOf(database)
  const fact = async () => (await checkAccounts(targets)).fact
  expect(await fact()).toBe('each mailbox has one account')
  await targets.database.withShared(async (store) => {
    await store.write(async (tx) => {
      for (const deletionTime of [1, Date.now(), null])
        await tx.users.insert(aUser({ deletionTime }))
    })
  })
  expect(await fact()).toBe('each mailbox has one account; 2 accounts deleted by the owner')
})

test('a backup on the machine of the doctor is found', async () => {
  await using database = await createDatabase()
  const { path } = await createTestBackup(database)
  expect((await checkBackups(targetsOf(database), false)).fact).toStartWith(
    `the newest verified backup is ${path}, from `,
  )
})

test('without valid settings nothing is looked at that they name, and nothing is fixed', async () => {
  await using database = await createDatabase()
  chmodSync(database.dataDir, 0o755)
  using file = createTemporaryFile(
    `SNAILPASS_DATA_DIR=${database.dataDir}\nSNAILPASS_BACKUP_PASSPHRASE=#secret\nnonsense\n`,
  )
  const input = { environment: {}, flags: {}, file: file.path }
  const results = await runChecks(readSettings(input), systemRuntime, { fix: true })
  const [settings, ...others] = results
  expect(settings?.findings).toEqual([
    {
      what: `invalid SNAILPASS_BACKUP_PASSPHRASE in line 2 of ${file.path}: # in a value without quotes`,
      why: "the server can't start",
      fix: "quote the value, as in SNAILPASS_BACKUP_PASSPHRASE='…', or move the comment to a line of its own",
    },
    {
      what: `invalid settings file ${file.path}: line 3 is not NAME=value`,
      why: "the server can't start",
      fix: expect.stringContaining('write settings like'),
    },
  ])
  const failures = others.filter(({ name }) => name !== 'limits').map(({ failure }) => failure)
  expect(new Set(failures)).toEqual(new Set(['the settings have to be valid first']))
  expect(modeOf(database.dataDir)).toBe('755')
  expect(existsSync(join(database.dataDir, 'backups'))).toBeFalse()
})
