import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { executable, temporaryFolder } from '../support/executable'
import { createPopulatedInstallation, runServiceInstall } from '../support/installed-service'
import { buildNextVersion, nextVersionName } from '../support/next-version'
import { createPostgresDatabase } from '../support/postgres'
import { queryRows } from '../support/store'
import { createAgeKeyPair } from '../support/test-database'

const folder = temporaryFolder()
const next = join(folder.path, 'snailpass')
beforeAll(() => buildNextVersion(next))
afterAll(folder[Symbol.dispose])

/** The archive that an installer says it made; null where it says nothing. */
function backupPathIn(stderr: string): string | null {
  return /^archive: (.+)$/m.exec(stderr)?.[1] ?? null
}

describe('snailpass service install, below a folder', () => {
  test('makes an archive, migrates on trial, and puts the new version in place', async () => {
    using installed = await createPopulatedInstallation()
    const { code, stderr } = await runServiceInstall(next, installed.prefix)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(await installed.version()).toStartWith(`snailpass ${nextVersionName}`)
    expect(installed.readContent()).toEqual({ records: 1, isNextVersion: true })
    const backupPath = backupPathIn(stderr) ?? ''
    expect(backupPath).toStartWith(`${installed.dataDir}/backups/`)
    expect(existsSync(backupPath)).toBeTrue()
    expect(installed.hasNoLeftovers()).toBeTrue()
    const copies = readdirSync(installed.dataDir).filter((name) => name.includes('-migration-'))
    expect(copies).toHaveLength(1)
  }, 30_000)

  test.each([
    ['whose migration fails', 'migration', 'a migration with a fault'],
    ['that dies at its start', 'dies', 'failed (killed)'],
    ['that never becomes ready', 'hangs', 'was not done in time'],
  ])(
    'goes back from a version %s',
    async (_name, fault, words) => {
      using installed = await createPopulatedInstallation()
      const before = await installed.version()
      installed.setFault(fault)
      const { code, stderr } = await runServiceInstall(next, installed.prefix, { wait: 1 })
      expect(code).toBe(1)
      expect(stderr).toContain(`error: the upgrade to ${nextVersionName}`)
      expect(stderr).toContain(words)
      expect(stderr).toContain(' is back in place, with the database as it was\n')
      expect(stderr).toContain(`hint: the archive from before: ${installed.dataDir}/backups/`)
      expect(await installed.version()).toBe(before)
      expect(installed.readContent()).toEqual({ records: 1, isNextVersion: false })
      expect(installed.hasNoLeftovers()).toBeTrue()

      await using server = await installed.serve()
      expect(await server.end('SIGTERM')).toBe(0)
    },
    30_000,
  )

  test('killed -9 again and again, a little later each time, it is mended by the next run', async () => {
    using installed = await createPopulatedInstallation()
    const points = ['archive: ', 'copied the database', 'trying the new version', 'it was ready']
    for (const killAt of points) {
      const killed = await runServiceInstall(next, installed.prefix, { killAt })
      expect(killed.stderr).toContain(killAt)
      expect(killed.code, killAt).not.toBe(0)
    }
    const { code, stderr } = await runServiceInstall(next, installed.prefix)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(await installed.version()).toStartWith(`snailpass ${nextVersionName}`)
    expect(installed.readContent()).toEqual({ records: 1, isNextVersion: true })
    expect(installed.hasNoLeftovers()).toBeTrue()
  }, 30_000)

  test('killed -9 after the migration, it goes back when the old version is installed again', async () => {
    using installed = await createPopulatedInstallation()
    installed.setFault('hangs')
    const child = Bun.spawn([next, 'service', 'install', '--prefix', installed.prefix], {
      stderr: 'ignore',
    })
    const reached = join(installed.prefix, 'etc', 'snailpass', 'FAULT.reached')
    while (!existsSync(reached)) await Bun.sleep(10)
    child.kill('SIGKILL')
    await child.exited
    const { code, stderr } = await runServiceInstall(executable, installed.prefix)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain('put the database from before the migration back\n')
    expect(stderr).toContain(' is installed already\n')
    expect(installed.readContent()).toEqual({ records: 1, isNextVersion: false })
    expect(installed.hasNoLeftovers()).toBeTrue()
    // The server on trial has ended with its installer: the lock is free.
    await using server = await installed.serve()
    expect(await server.end('SIGTERM')).toBe(0)
  }, 30_000)

  test('refuses a downgrade that the database does not allow, before anything is stopped', async () => {
    using installed = await createPopulatedInstallation()
    expect((await runServiceInstall(next, installed.prefix)).code).toBe(0)
    const { code, stderr } = await runServiceInstall(executable, installed.prefix)
    expect(code).toBe(1)
    expect(stderr).toContain('belongs to a newer snailpass (it knows 9999-next)\nhint: ')
    expect(await installed.version()).toStartWith(`snailpass ${nextVersionName}`)
    expect(backupPathIn(stderr)).toBeNull()
    expect(installed.readContent()).toEqual({ records: 1, isNextVersion: true })
  }, 30_000)

  test('refuses to upgrade beneath a server that somebody else started', async () => {
    using installed = await createPopulatedInstallation()
    await using server = await installed.serve()
    const { code, stderr } = await runServiceInstall(next, installed.prefix)
    expect(code).toBe(1)
    expect(stderr).toContain(`error: a server is at work on ${installed.dataDir}/snailpass.db\n`)
    expect((await fetch(new URL('/readyz', server.url))).status).toBe(200)
    expect(await installed.version()).not.toContain(nextVersionName)
  }, 30_000)
})

test('a Postgres database comes back, though its archives are encrypted to somebody else, when the new version fails after its migration', async () => {
  await using database = await createPostgresDatabase()
  // A way back must not need a key that is elsewhere.
  using folderOfOwner = temporaryFolder()
  using installed = await createPopulatedInstallation({
    SNAILPASS_DATABASE_URL: database.url,
    SNAILPASS_BACKUP_DIR: join(folderOfOwner.path, 'archives'),
    SNAILPASS_BACKUP_ENCRYPT_TO: (await createAgeKeyPair(folderOfOwner.path)).recipient,
  })
  installed.setFault('dies')
  const { code, stderr } = await runServiceInstall(next, installed.prefix)
  expect(code).toBe(1)
  expect(stderr).toContain('put what the database held before the migration back\n')
  expect(backupPathIn(stderr)).toMatch(/\/archives\/snailpass-\d+T\d+Z\.sqlite\.age$/)
  expect(installed.hasNoLeftovers()).toBeTrue()
  const names = await queryRows(database.url, 'select name from kysely_migration')
  expect(names).not.toContainEqual({ name: '9999-next' })
  expect(await queryRows(database.url, 'select id from records')).toHaveLength(1)
  await using server = await installed.serve()
  expect(await server.end('SIGTERM')).toBe(0)

  installed.setFault(null)
  expect(await runServiceInstall(next, installed.prefix)).toMatchObject({ code: 0 })
  expect(await queryRows(database.url, 'select name from kysely_migration')).toContainEqual({
    name: '9999-next',
  })
}, 60_000)
