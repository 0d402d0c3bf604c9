import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { writeBackup } from '../../../src/app/operations/backup'
import { type RestorePlan, restoreBackup } from '../../../src/app/operations/restore'
import { createAccount } from '../../support/accounts'
import { captureError } from '../../support/capture-error'
import { aRecord } from '../../support/client'
import { modeOf } from '../../support/data-folder'
import { temporaryFolder } from '../../support/executable'
import { queryRows } from '../../support/store'
import {
  createPostgresTestDatabase,
  loseDatabase,
  startServerOn,
  type TestDatabase,
  targetsOf,
} from '../../support/test-database'

/** A database with an account and a record, its backup, and a way to restore that. */
async function createVault(database?: TestDatabase) {
  const folder = temporaryFolder()
  const vault: TestDatabase = database ?? {
    engine: 'SQLite',
    url: `sqlite:${join(folder.path, 'snailpass.db')}`,
    dataDir: folder.path,
    sql: async () => [],
    [Symbol.asyncDispose]: async () => {},
  }
  const environment = { SNAILPASS_DATABASE_URL: vault.url }
  if (database === undefined) {
    await createAccount({ dataDir: vault.dataDir }, 'owner', (owner) =>
      owner.send('POST', '/records', aRecord()),
    )
  } else {
    await createAccount({ dataDir: vault.dataDir, environment }, 'owner', (owner) =>
      owner.send('POST', '/records', aRecord()),
    )
  }
  const { path: backup } = await writeBackup(targetsOf(vault))
  const plans: RestorePlan[] = []
  return {
    vault,
    path: join(vault.dataDir, 'snailpass.db'),
    backup,
    plans,
    restore: (
      consent: (plan: RestorePlan) => Promise<void> = () => Promise.resolve(),
      { dryRun = false, file = backup } = {},
    ) =>
      restoreBackup(targetsOf(vault), file, {
        decryption: { identities: null, passphrase: () => Promise.resolve('') },
        onProgress: () => {},
        dryRun,
        withSecrets: false,
        consent(plan) {
          plans.push(plan)
          return consent(plan)
        },
      }),
    emails: () => queryRows(vault.url, 'select email from users'),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  }
}

const owner = [{ email: 'owner@nas.local' }]
const refuse = () => Promise.reject(new Error('refused'))

/** Overwrites a part of a file. */
function overwrite(path: string, byte: number, start: number, end: number): void {
  const bytes = readFileSync(path)
  bytes.fill(byte, start, end)
  writeFileSync(path, bytes)
}

const losses: readonly [string, string | null, (path: string) => void][] = [
  ['empty', 'is empty: its content is lost', (path) => writeFileSync(path, '')],
  ['with a damaged page', 'is damaged: ', (path) => overwrite(path, 0xff, 4_096, 12_288)],
  [
    'without its header',
    'does not begin as a SQLite database',
    (path) => overwrite(path, 0, 0, 100),
  ],
  ['cut off', 'is damaged: ', (path) => truncateSync(path, 6_000)],
  ['cut off within its header', 'does not begin as', (path) => truncateSync(path, 50)],
  ['another file', 'does not begin as', (path) => writeFileSync(path, 'text '.repeat(100))],
  ['missing', null, (path) => rmSync(path)],
]

describe('a restore into a database', () => {
  test.each(losses)(
    'that is %s creates it again, and moves the old files aside',
    async (_, message, harm) => {
      using vault = await createVault()
      const { path, plans } = vault
      harm(path)
      const sides = message === null ? [] : ['-wal', '-shm']
      for (const side of sides) writeFileSync(path + side, `the ${side}`)
      const before = message === null ? null : readFileSync(path)

      await captureError(vault.restore(refuse))
      expect(existsSync(path)).toBe(message !== null)
      expect(readdirSync(vault.vault.dataDir).filter((name) => name.includes('.new'))).toEqual([])

      const { setAside, safetyBackup } = await vault.restore()
      expect(plans).toHaveLength(2)
      expect(plans[1]?.lost ?? null).toEqual(
        message === null ? null : expect.stringContaining(message),
      )
      expect(safetyBackup).toBeNull()
      expect(await vault.emails()).toEqual(owner)
      if (before === null) {
        expect(setAside).toEqual([])
      } else {
        const [main = ''] = setAside.filter((file) => !/-(?:wal|shm)$/.test(file))
        expect(main).toMatch(/\/snailpass\.db-damaged-\d{8}T\d{9}Z$/)
        expect(new Set(setAside)).toEqual(new Set([main, `${main}-shm`, `${main}-wal`]))
        expect(readFileSync(main).equals(before)).toBeTrue()
        expect(readFileSync(`${main}-wal`, 'utf8')).toBe('the -wal')
      }
      await (await startServerOn(vault.vault)).stop()
    },
  )

  test.each(losses)(
    'that is %s is told by a dry run, which changes nothing',
    async (_, message, harm) => {
      using vault = await createVault()
      const { path, plans } = vault
      harm(path)
      const contents = () => (existsSync(path) ? readFileSync(path).toBase64() : null)
      const [before, names] = [contents(), readdirSync(vault.vault.dataDir)]
      const { plan, ...done } = await vault.restore(refuse, { dryRun: true })
      expect(done).toEqual({ tables: null, safetyBackup: null, setAside: [] })
      expect(plan.lost).toEqual(message === null ? null : expect.stringContaining(message))
      expect(new Set(plan.tables.map(({ now }) => now))).toEqual(new Set([0]))
      expect(plan.tables).toContainEqual({ table: 'users', now: 0, after: 1 })
      expect(plans).toEqual([])
      expect([contents(), readdirSync(vault.vault.dataDir)]).toEqual([before, names])
    },
  )

  test('whose data folder is missing too creates both, for the owner alone', async () => {
    using vault = await createVault()
    using elsewhere = temporaryFolder()
    const file = join(elsewhere.path, 'backup.sqlite')
    copyFileSync(vault.backup, file)
    const { dataDir } = vault.vault
    rmSync(dataDir, { recursive: true })
    await captureError(vault.restore(refuse, { dryRun: true, file }))
    expect(existsSync(dataDir)).toBeFalse()
    await vault.restore(undefined, { file })
    expect(modeOf(dataDir)).toBe('700')
    expect(await vault.emails()).toEqual(owner)
  })

  test('that is missing, while its log is there, moves the log aside', async () => {
    using vault = await createVault()
    rmSync(vault.path)
    writeFileSync(`${vault.path}-wal`, 'what was written last')
    const { setAside } = await vault.restore()
    expect(setAside).toEqual([expect.stringMatching(/snailpass\.db-damaged-\w+-wal$/)])
    expect(readFileSync(setAside[0] ?? '', 'utf8')).toBe('what was written last')
    expect(await vault.emails()).toEqual(owner)
  })

  test('that fails leaves a missing one missing, and a damaged one as it is', async () => {
    using vault = await createVault()
    const { path } = vault
    const failing = async () => {
      using file = new Database(`${path}.new`)
      // The restore finds a table of the draft changed.
      file.run('drop table notes')
    }
    rmSync(path)
    expect(await captureError(vault.restore(failing))).toBeInstanceOf(Error)
    expect(existsSync(path)).toBeFalse()
    writeFileSync(path, 'damaged')
    expect(await captureError(vault.restore(failing))).toBeInstanceOf(Error)
    expect(readFileSync(path, 'utf8')).toBe('damaged')
  })

  test.each([
    [
      'of a newer version',
      "insert into kysely_migration values ('9999-future', '2030-01-01')",
      'belongs to a newer snailpass',
    ],
    ['of another program', 'pragma application_id = 77', 'is not a SnailPass database'],
  ])('%s is refused as that', async (_, statement, message) => {
    using vault = await createVault()
    {
      using file = new Database(vault.path)
      file.run(statement)
    }
    const before = readFileSync(vault.path)
    for (const dryRun of [true, false]) {
      expect(await captureError(vault.restore(undefined, { dryRun }))).toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(message),
      })
    }
    expect(readFileSync(vault.path).equals(before)).toBeTrue()
    expect(vault.plans).toEqual([])
  })

  test('on Postgres that is missing creates the tables together with their rows', async () => {
    await using database = await createPostgresTestDatabase()
    using vault = await createVault(database)
    await loseDatabase(database)
    const { database: target } = targetsOf(database)
    await captureError(vault.restore(refuse))
    expect(await target.inspect()).toBe('nothing')
    await vault.restore()
    expect(await vault.emails()).toEqual(owner)
    await (await startServerOn(database)).stop()
  })
})
