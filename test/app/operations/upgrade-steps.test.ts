import { describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listEmails } from '../../../src/app/operations/mail'
import {
  clearDatabase,
  copyBeforeUpgrade,
  createForService,
  restorePreUpgradeCopy,
  runPreflight,
  smokeTestServer,
} from '../../../src/app/operations/upgrade-steps'
import { inviteUser } from '../../../src/app/operations/users'
import { systemRuntime } from '../../../src/app/runtime'
import { createLog } from '../../../src/log'
import { createAccount } from '../../support/accounts'
import { captureError } from '../../support/capture-error'
import { modeOf } from '../../support/data-folder'
import { temporaryFolder } from '../../support/executable'
import { copyOfFirstDataFolder } from '../../support/first-version'
import { createLegacySqlite } from '../../support/legacy-database'
import { startMailServer } from '../../support/mail'
import { startTestServer } from '../../support/server'
import { queryRows } from '../../support/store'
import {
  createPostgresTestDatabase,
  startServerOn,
  targetsIn,
  targetsOf,
} from '../../support/test-database'

/** A data folder with a database and an account. */
async function createVault() {
  const folder = temporaryFolder()
  await createAccount({ dataDir: folder.path }, 'owner')
  return {
    dataDir: folder.path,
    path: join(folder.path, 'snailpass.db'),
    targets: targetsIn(folder.path),
    emails: () => queryRows(`sqlite:${folder.path}/snailpass.db`, 'select email from users'),
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

const owner = [{ email: 'owner@nas.local' }]

describe('a preflight', () => {
  test('of a new installation names what will be used, and creates nothing', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const environment = { SNAILPASS_LISTEN: '127.0.0.1:5001', SNAILPASS_LISTEN_TLS: '[::1]:5444' }
    expect(await runPreflight(targetsIn(dataDir, environment))).toEqual({
      dataDir,
      endpoints: [
        { address: { hostname: '127.0.0.1', port: 5001 }, isTls: false },
        { address: { hostname: '::1', port: 5444 }, isTls: true },
      ],
      engine: 'sqlite',
      database: join(dataDir, 'snailpass.db'),
      content: 'nothing',
      pending: [],
      folders: [dataDir],
      isServed: false,
    })
    // Nor is a lock file created in a folder that exists.
    mkdirSync(dataDir)
    expect((await runPreflight(targetsIn(dataDir))).isServed).toBeFalse()
    expect(readdirSync(dataDir)).toEqual([])
  })

  test('tells whether a server uses the database, each time that it is asked', async () => {
    using vault = await createVault()
    const { dataDir, targets } = vault
    const idle = { content: 'ours', pending: [], isServed: false }
    expect(await runPreflight(targets)).toMatchObject(idle)
    expect(await runPreflight(targets)).toMatchObject(idle)
    await using _ = await startTestServer({ dataDir })
    expect(await runPreflight(targets)).toMatchObject({ ...idle, isServed: true })
  })

  test('names the migrations that the database of an older version needs, and runs none', async () => {
    using old = copyOfFirstDataFolder()
    const targets = targetsIn(old.path)
    const found = await runPreflight(targets)
    expect(found).toMatchObject({ content: 'ours', isServed: false })
    expect(found.pending).toContain('0011-history')
    expect(found.pending).not.toContain('0001-vaults')
    expect((await runPreflight(targets)).pending).toEqual(found.pending)
  })

  test('recognizes a database of the original server, which has no migrations', async () => {
    await using legacy = await createLegacySqlite()
    const targets = targetsIn(join(legacy.folder, 'data'), { SNAILPASS_DATABASE_URL: legacy.url })
    expect(await runPreflight(targets)).toMatchObject({ content: 'original', pending: [] })
  })

  test('names each folder outside the data folder that the server writes to, once', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const foldersWith = async (database: string | null, backups: string | null = null) => {
      const environment = {
        ...(database !== null && { SNAILPASS_DATABASE_URL: `sqlite:${folder.path}/${database}` }),
        ...(backups !== null && { SNAILPASS_BACKUP_DIR: join(folder.path, backups) }),
      }
      const { folders } = await runPreflight(targetsIn(dataDir, environment))
      return folders.map((path) => path.slice(folder.path.length + 1))
    }
    expect(await foldersWith('data/vaults.db')).toEqual(['data'])
    expect(await foldersWith('data/below/vaults.db')).toEqual(['data'])
    expect(await foldersWith('data-of-others/vaults.db')).toEqual(['data', 'data-of-others'])
    expect(await foldersWith('vaults/vaults.db', 'disk')).toEqual(['data', 'disk', 'vaults'])
    expect(await foldersWith('vaults/vaults.db', 'vaults')).toEqual(['data', 'vaults'])
    // The server creates the default backup folder, and no other one.
    expect(await foldersWith(null, 'data/backups')).toEqual(['data'])
    expect(await foldersWith(null, 'data/mine')).toEqual(['data', 'data/mine'])
  })

  test('of Postgres names no folder for the database, and does not ask who uses it', async () => {
    await using database = await createPostgresTestDatabase()
    const targets = targetsOf(database)
    const fresh = { engine: 'postgres', content: 'nothing', pending: [], isServed: false }
    expect(await runPreflight(targets)).toMatchObject({ ...fresh, folders: [database.dataDir] })
    await createForService(targets)
    await using _ = await startServerOn(database)
    expect(await runPreflight(targets)).toMatchObject({ ...fresh, content: 'ours' })
  })
})

describe('the database of a service', () => {
  test('is created once, in a data folder that only its owner can read', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    await createForService(targetsIn(dataDir))
    expect(modeOf(dataDir)).toBe('700')
    await createAccount({ dataDir }, 'owner')
    await createForService(targetsIn(dataDir))
    expect(await queryRows(`sqlite:${dataDir}/snailpass.db`, 'select email from users')).toEqual(
      owner,
    )
  })

  test('is not created in the place of a lost one, or at a path that a URL names', async () => {
    using vault = await createVault()
    const { dataDir, path, targets } = vault
    rmSync(path)
    expect(await captureError(createForService(targets))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`but its secret key ${dataDir}/secret.key exists`),
    })
    expect(existsSync(path)).toBeFalse()
    const other = join(dataDir, 'new', 'vaults.db')
    const named = targetsIn(join(dataDir, 'new'), { SNAILPASS_DATABASE_URL: `sqlite:${other}` })
    expect(await captureError(createForService(named))).toMatchObject({
      code: 'unavailable',
      message: `there is no SnailPass database at ${other}`,
    })
    expect(existsSync(join(dataDir, 'new'))).toBeFalse()
  })
})

test('the copy from before an upgrade brings the database back, and the newer one is kept', async () => {
  using vault = await createVault()
  const { dataDir, targets, emails } = vault
  const [copy, replacedCopy] = [join(dataDir, 'copy.db'), join(dataDir, 'replaced.db')]
  {
    await using _ = await startTestServer({ dataDir })
    // What waits for the lock waits no time here.
    const hasty = { ...targets, runtime: { ...targets.runtime, wait: () => Promise.resolve() } }
    const inUse = {
      code: 'conflict',
      message: `${vault.path} is in use by another snailpass process`,
    }
    expect(await captureError(copyBeforeUpgrade(hasty, copy))).toMatchObject(inUse)
  }
  await copyBeforeUpgrade(targets, copy)
  await createAccount({ dataDir }, 'newcomer')
  await restorePreUpgradeCopy(targets, { copy, replacedCopy })
  expect(await emails()).toEqual(owner)
  expect(await queryRows(`sqlite:${replacedCopy}`, 'select email from users order by seq')).toEqual(
    [...owner, { email: 'newcomer@nas.local' }],
  )
  expect(existsSync(copy)).toBeFalse()
})

describe('clearing a Postgres database for an older version', () => {
  test.each([true, false])('with a copy (%p), also again after an interruption', async (keep) => {
    await using database = await createPostgresTestDatabase()
    await (await startServerOn(database)).stop()
    const targets = targetsOf(database)
    const [before] = await database.sql('select count(*) from audit')
    const backup = await clearDatabase(targets, { keep })
    expect(await targets.database.inspect()).toBe('nothing')
    if (keep) {
      expect(backup).toMatch(/\/snailpass-before-going-back-\d{8}T\d{9}Z\.db$/)
      expect(await queryRows(`sqlite:${backup}`, 'select count(*) from audit')).toEqual([
        { 'count(*)': Number(before?.['count']) },
      ])
    } else {
      expect(backup).toBeNull()
      expect(readdirSync(database.dataDir).filter((name) => name.includes('before'))).toEqual([])
    }
    expect(await clearDatabase(targets, { keep })).toBeNull()
  })
})

describe('a smoke test', () => {
  /** Runs one. Returns the lines of the log that say where it listens. */
  async function smokeTest(
    targets: ReturnType<typeof targetsIn>,
    options: { beforeMigration?: () => Promise<void>; onLine?: (line: string) => void } = {},
  ): Promise<readonly string[]> {
    const lines: string[] = []
    const log = createLog('text', systemRuntime.clock, (line) => {
      lines.push(line)
      options.onLine?.(line)
    })
    const { beforeMigration = () => Promise.reject(new Error('asked')) } = options
    await smokeTestServer(targets, { log, beforeMigration })
    return lines.flatMap((line) => /listening on (?<url>\S+)/.exec(line)?.groups?.['url'] ?? [])
  }

  test('migrates the database once it may, and leaves it to the next server', async () => {
    using old = copyOfFirstDataFolder()
    const targets = targetsIn(old.path)
    const before = await runPreflight(targets)
    expect(before.pending).not.toEqual([])
    await captureError(smokeTest(targets))
    expect(await runPreflight(targets)).toEqual(before)
    const asked: boolean[] = []
    await smokeTest(targets, {
      beforeMigration: async () => void asked.push((await runPreflight(targets)).isServed),
    })
    expect(asked).toEqual([true])
    expect(await runPreflight(targets)).toEqual({ ...before, pending: [] })
  })

  test('listens for nobody else, and sends no email that is queued', async () => {
    await using mailServer = await startMailServer()
    using folder = temporaryFolder()
    const dataDir = folder.path
    const environment = {
      SNAILPASS_MAIL_URL: `smtp://127.0.0.1:${mailServer.port}`,
      SNAILPASS_MAIL_FROM: 'vault@nas.local',
      SNAILPASS_PUBLIC_URL: 'https://nas.local/',
    }
    await createAccount({ dataDir }, 'owner')
    await inviteUser(targetsIn(dataDir, environment), 'guest@nas.local')
    // The ports of the settings belong to the old server, which may still run.
    await using other = await startTestServer()
    const listening = {
      SNAILPASS_LISTEN: other.url.host,
      SNAILPASS_LISTEN_TLS: other.url.host,
      SNAILPASS_LISTEN_METRICS: other.url.host,
    }
    const seen = await smokeTest(targetsIn(dataDir, { ...environment, ...listening }))
    expect(seen).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/)])
    expect(seen).not.toEqual([other.url.href])
    expect(mailServer.emails).toEqual([])
    const queued = { email: 'guest@nas.local', state: 'queued', attempts: 0 }
    expect(await listEmails(targetsIn(dataDir))).toMatchObject([queued])
  })

  test('fails with what is wrong with the server, and stops it', async () => {
    using vault = await createVault()
    const { path, targets } = vault
    const bytes = readFileSync(path)
    const failed = smokeTest(targets, {
      onLine(line) {
        if (line.includes('listening on')) rmSync(path)
      },
    })
    expect(await captureError(failed)).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^the server is not ready: .*deleted/),
    })
    writeFileSync(path, bytes)
    expect((await runPreflight(targets)).isServed).toBeFalse()
  })
})
