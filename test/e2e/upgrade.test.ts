import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { aKeyPair } from '../support/archives'
import { executable, temporaryFolder } from '../support/executable'
import { anInstallation, install } from '../support/installation'
import { buildNextVersion, nextVersionName } from '../support/next-version'
import { aPostgresDatabase } from '../support/postgres'
import { rowsAt } from '../support/store'

const folder = temporaryFolder()
const next = join(folder.path, 'snailpass')
beforeAll(() => buildNextVersion(next))
afterAll(folder[Symbol.dispose])

/** The archive that an installer says it made; null where it says nothing. */
function archiveOf(stderr: string): string | null {
  return /^archive: (.+)$/m.exec(stderr)?.[1] ?? null
}

describe('snailpass service install, below a folder', () => {
  test('makes an archive, migrates on trial, and puts the new version in place', async () => {
    using installed = await anInstallation()
    const { code, stderr } = await install(next, installed.prefix)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(await installed.version()).toStartWith(`snailpass ${nextVersionName}`)
    expect(installed.content()).toEqual({ records: 1, isNext: true })
    const archive = archiveOf(stderr) ?? ''
    expect(archive).toStartWith(`${installed.dataDir}/backups/`)
    expect(existsSync(archive)).toBeTrue()
    expect(installed.isTidy()).toBeTrue()
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
      using installed = await anInstallation()
      const before = await installed.version()
      installed.setFault(fault)
      const { code, stderr } = await install(next, installed.prefix, { wait: 1 })
      expect(code).toBe(1)
      expect(stderr).toContain(`error: the upgrade to ${nextVersionName}`)
      expect(stderr).toContain(words)
      expect(stderr).toContain(' is back in place, with the database as it was\n')
      expect(stderr).toContain(`hint: the archive from before: ${installed.dataDir}/backups/`)
      expect(await installed.version()).toBe(before)
      expect(installed.content()).toEqual({ records: 1, isNext: false })
      expect(installed.isTidy()).toBeTrue()

      await using server = await installed.serve()
      expect(await server.end('SIGTERM')).toBe(0)
    },
    30_000,
  )

  test('killed -9 again and again, a little later each time, it is mended by the next run', async () => {
    using installed = await anInstallation()
    const points = ['archive: ', 'copied the database', 'trying the new version', 'it was ready']
    for (const killAt of points) {
      const killed = await install(next, installed.prefix, { killAt })
      expect(killed.stderr).toContain(killAt)
      expect(killed.code, killAt).not.toBe(0)
    }
    const { code, stderr } = await install(next, installed.prefix)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(await installed.version()).toStartWith(`snailpass ${nextVersionName}`)
    expect(installed.content()).toEqual({ records: 1, isNext: true })
    expect(installed.isTidy()).toBeTrue()
  }, 30_000)

  test('killed -9 after the migration, it goes back when the old version is installed again', async () => {
    using installed = await anInstallation()
    installed.setFault('hangs')
    const child = Bun.spawn([next, 'service', 'install', '--prefix', installed.prefix], {
      stderr: 'ignore',
    })
    const reached = join(installed.prefix, 'etc', 'snailpass', 'FAULT.reached')
    while (!existsSync(reached)) await Bun.sleep(10)
    child.kill('SIGKILL')
    await child.exited
    const { code, stderr } = await install(executable, installed.prefix)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain('put the database from before the migration back\n')
    expect(stderr).toContain(' is installed already\n')
    expect(installed.content()).toEqual({ records: 1, isNext: false })
    expect(installed.isTidy()).toBeTrue()
    // The server on trial has ended with its installer: the lock is free.
    await using server = await installed.serve()
    expect(await server.end('SIGTERM')).toBe(0)
  }, 30_000)

  test('refuses a downgrade that the database does not allow, before anything is stopped', async () => {
    using installed = await anInstallation()
    expect((await install(next, installed.prefix)).code).toBe(0)
    const { code, stderr } = await install(executable, installed.prefix)
    expect(code).toBe(1)
    expect(stderr).toContain('belongs to a newer snailpass (it knows 9999-next)\nhint: ')
    expect(await installed.version()).toStartWith(`snailpass ${nextVersionName}`)
    expect(archiveOf(stderr)).toBeNull()
    expect(installed.content()).toEqual({ records: 1, isNext: true })
  }, 30_000)

  test('refuses to upgrade beneath a server that somebody else started', async () => {
    using installed = await anInstallation()
    await using server = await installed.serve()
    const { code, stderr } = await install(next, installed.prefix)
    expect(code).toBe(1)
    expect(stderr).toContain(`error: a server is at work on ${installed.dataDir}/snailpass.db\n`)
    expect((await fetch(new URL('/readyz', server.url))).status).toBe(200)
    expect(await installed.version()).not.toContain(nextVersionName)
  }, 30_000)
})

test('a Postgres database comes back, though its archives are encrypted to somebody else, when the new version fails after its migration', async () => {
  await using database = await aPostgresDatabase()
  // A way back must not need a key that is elsewhere.
  using folderOfOwner = temporaryFolder()
  using installed = await anInstallation({
    SNAILPASS_DATABASE_URL: database.url,
    SNAILPASS_BACKUP_DIR: join(folderOfOwner.path, 'archives'),
    SNAILPASS_BACKUP_ENCRYPT_TO: (await aKeyPair(folderOfOwner.path)).recipient,
  })
  installed.setFault('dies')
  const { code, stderr } = await install(next, installed.prefix)
  expect(code).toBe(1)
  expect(stderr).toContain('put what the database held before the migration back\n')
  expect(archiveOf(stderr)).toMatch(/\/archives\/snailpass-\d+T\d+Z\.sqlite\.age$/)
  expect(installed.isTidy()).toBeTrue()
  const names = await rowsAt(database.url, 'select name from kysely_migration')
  expect(names).not.toContainEqual({ name: '9999-next' })
  expect(await rowsAt(database.url, 'select id from records')).toHaveLength(1)
  await using server = await installed.serve()
  expect(await server.end('SIGTERM')).toBe(0)

  installed.setFault(null)
  expect(await install(next, installed.prefix)).toMatchObject({ code: 0 })
  expect(await rowsAt(database.url, 'select name from kysely_migration')).toContainEqual({
    name: '9999-next',
  })
}, 60_000)
