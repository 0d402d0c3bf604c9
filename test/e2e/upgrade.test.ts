import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { executable, temporaryFolder } from '../support/executable'
import { canFakeSystemd, runAsRootWithFakeSystemd } from '../support/fake-systemd'
import { freePort } from '../support/free-port'
import { createPopulatedInstallation, runServiceInstall } from '../support/installed-service'
import { buildNextVersion, nextVersionName } from '../support/next-version'
import { createPostgresDatabase, startPostgresFirst } from '../support/postgres'
import { queryRows } from '../support/store'
import { createAgeKeyPair } from '../support/test-database'
import { until } from '../support/until'

startPostgresFirst('newest')

const folder = temporaryFolder()
const next = join(folder.path, 'snailpass')
beforeAll(() => buildNextVersion(next), 300_000)
afterAll(folder[Symbol.dispose])

/** Returns the path of the backup that an installer says it made; null if it says nothing of one. */
function backupPathIn(stderr: string): string | null {
  return /^backup: (.+)$/m.exec(stderr)?.[1] ?? null
}

describe('snailpass service install, below a folder', () => {
  test('makes a backup, tests the new version with its migration, and installs it', async () => {
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
  }, 300_000)

  test.each([
    // Only a version that hangs is given up early: a busy machine must not look like one.
    ['whose migration fails', 'migration', 60, 'a migration with a fault'],
    ['that dies at its start', 'dies', 60, 'failed (killed)'],
    ['that never becomes ready', 'hangs', 1, 'timed out'],
  ])(
    'rolls back a version %s',
    async (_name, fault, wait, words) => {
      using installed = await createPopulatedInstallation()
      const before = await installed.version()
      installed.setFault(fault)
      const { code, stderr } = await runServiceInstall(next, installed.prefix, { wait })
      expect(code).toBe(1)
      expect(stderr).toContain(`error: the upgrade to ${nextVersionName}`)
      expect(stderr).toContain(words)
      expect(stderr).toMatch(/ restored \S+ \(.*\) and its database$/m)
      expect(stderr).toContain(`hint: backup from before: ${installed.dataDir}/backups/`)
      expect(await installed.version()).toBe(before)
      expect(installed.readContent()).toEqual({ records: 1, isNextVersion: false })
      expect(installed.hasNoLeftovers()).toBeTrue()

      await using server = await installed.serve()
      expect(await server.end('SIGTERM')).toBe(0)
    },
    300_000,
  )

  test('is repaired by the next run after kill -9, at whatever step', async () => {
    using installed = await createPopulatedInstallation()
    const points = [
      'backup: ',
      'copied the database',
      'testing the new version',
      'the new version passed its test',
    ]
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
  }, 300_000)

  test.each([true, false])(
    'migrates in its test only if its installer still lives: %p',
    async (isAlive) => {
      using installed = await createPopulatedInstallation()
      const settings = join(installed.prefix, 'etc', 'snailpass', 'snailpass.env')
      const trial = Bun.spawn([next, 'service', 'step', 'trial', '--config', settings], {
        ...({ stdin: 'pipe', stdout: 'pipe', stderr: 'ignore' } as const),
      })
      const { value } = await trial.stdout.getReader().read()
      expect(new TextDecoder().decode(value)).toBe('migrate the database?\n')
      // While it waits, nobody else can use the database, and nothing of it has changed.
      expect(installed.readContent()).toEqual({ records: 1, isNextVersion: false })
      if (isAlive) trial.stdin.write('yes\n')
      await trial.stdin.flush()
      if (!isAlive) await trial.stdin.end()
      expect(await trial.exited).toBe(isAlive ? 0 : 1)
      expect(installed.readContent()).toEqual({ records: 1, isNextVersion: isAlive })
    },
    300_000,
  )

  test('is rolled back when the old version is installed again after a kill -9 during the smoke test', async () => {
    using installed = await createPopulatedInstallation()
    installed.setFault('hangs')
    const child = Bun.spawn([next, 'service', 'install', '--prefix', installed.prefix], {
      stderr: 'ignore',
    })
    const reached = join(installed.prefix, 'etc', 'snailpass', 'FAULT.reached')
    await until(() => existsSync(reached), 'the smoke test of the new version')
    child.kill('SIGKILL')
    await child.exited
    const { code, stderr } = await runServiceInstall(executable, installed.prefix)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain('restored the database from before the migration\n')
    expect(stderr).toContain(' is already installed\n')
    expect(installed.readContent()).toEqual({ records: 1, isNextVersion: false })
    expect(installed.hasNoLeftovers()).toBeTrue()
    // The server of the smoke test has ended with its installer, so the database is free.
    await using server = await installed.serve()
    expect(await server.end('SIGTERM')).toBe(0)
  }, 300_000)

  test('refuses a downgrade that the database does not allow, before it stops anything', async () => {
    using installed = await createPopulatedInstallation()
    expect((await runServiceInstall(next, installed.prefix)).code).toBe(0)
    const { code, stderr } = await runServiceInstall(executable, installed.prefix)
    expect(code).toBe(1)
    expect(stderr).toContain('belongs to a newer snailpass (it knows 9999-next)\nhint: ')
    expect(await installed.version()).toStartWith(`snailpass ${nextVersionName}`)
    expect(backupPathIn(stderr)).toBeNull()
    expect(installed.readContent()).toEqual({ records: 1, isNextVersion: true })
  }, 300_000)

  test('refuses to upgrade while a server runs that systemd did not start', async () => {
    using installed = await createPopulatedInstallation()
    await using server = await installed.serve()
    const { code, stderr } = await runServiceInstall(next, installed.prefix)
    expect(code).toBe(1)
    expect(stderr).toContain(`error: a running server is using ${installed.dataDir}/snailpass.db\n`)
    expect((await fetch(new URL('/readyz', server.url))).status).toBe(200)
    expect(await installed.version()).not.toContain(nextVersionName)
  }, 300_000)
})

describe.skipIf(!canFakeSystemd)('snailpass service install, with a service,', () => {
  const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY']

  // `TEST_SIEGE=whole` also tries the other kind of proxy.
  const proxies = ['that answers 502', 'that nobody listens on']
  const isWhole = process.env['TEST_SIEGE'] === 'whole'

  test.each(proxies.slice(0, isWhole ? 2 : 1))(
    'sees that its server is ready although the environment names a proxy %s',
    async (kind) => {
      using temporary = temporaryFolder()
      let proxied = 0
      using proxy = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        fetch() {
          proxied++
          return new Response('no', { status: 502 })
        },
      })
      const url = kind === 'that answers 502' ? proxy.url.href : `http://127.0.0.1:${freePort()}/`
      const install = (program: string) => `
        '${program}' service install --wait 20 || echo "failed: $?"
        snailpass service status || echo "failed: $?"`
      const { code, stdout, stderr } = await runAsRootWithFakeSystemd(
        temporary.path,
        `mkdir /etc/snailpass
        echo 'SNAILPASS_LISTEN=127.0.0.1:${freePort()}' >/etc/snailpass/snailpass.env
        echo 'SNAILPASS_DATA_DIR=/var/lib/snailpass' >>/etc/snailpass/snailpass.env
        PATH=/usr/local/bin:$PATH
        ${install(executable)}
        ${install(executable)}
        ${install(next)}`,
        Object.fromEntries(names.map((name) => [name, url])),
      )
      expect({ code, stderr, stdout }).toMatchObject({
        code: 0,
        stdout: expect.not.stringContaining('failed'),
      })
      expect(stdout.match(/^ready {4}yes$/gm)).toHaveLength(3)
      expect(stderr).toContain('\nstopped the service\n')
      expect(stderr).toContain(`\nupgraded to ${nextVersionName}`)
      // The service was started at the first installation and by the upgrade: the second one found it ready.
      expect(stderr.match(/^started the service$/gm)).toHaveLength(2)
      expect(stdout).toContain(`snailpass ${nextVersionName}`)
      expect(proxied).toBe(0)
    },
    300_000,
  )

  test('keeps a new version that fails after its smoke test, and completes the upgrade with the next run', async () => {
    using temporary = temporaryFolder()
    const { code, stdout, stderr } = await runAsRootWithFakeSystemd(
      temporary.path,
      `mkdir /etc/snailpass
      echo 'SNAILPASS_LISTEN=127.0.0.1:${freePort()}' >/etc/snailpass/snailpass.env
      echo 'SNAILPASS_DATA_DIR=/var/lib/snailpass' >>/etc/snailpass/snailpass.env
      '${executable}' service install
      printf 'dies later' >/etc/snailpass/FAULT
      '${next}' service install --wait 5 || echo "failed: $?"
      /usr/local/bin/snailpass --version
      rm /etc/snailpass/FAULT
      '${executable}' service install || echo "failed: $?"
      '${next}' service install
      /usr/local/bin/snailpass service status`,
    )
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain(`error: the upgrade to ${nextVersionName}`)
    expect(stderr).toContain('error: the new version passed its test, so it is not rolled back\n')
    expect(stderr).toContain('belongs to a newer snailpass')
    expect(stdout.match(/^failed: 1$/gm)).toHaveLength(2)
    expect(stdout.match(/^(?:version {2})?snailpass 99\.0\.0 /gm)).toHaveLength(2)
    expect(stdout).toContain('ready    yes\n')
  }, 300_000)
})

test('a Postgres database is restored when the new version fails after its migration, although only somebody else can decrypt its backups', async () => {
  await using database = await createPostgresDatabase()
  // A rollback must not need a key that is kept elsewhere.
  using folderOfOwner = temporaryFolder()
  using installed = await createPopulatedInstallation({
    SNAILPASS_DATABASE_URL: database.url,
    SNAILPASS_BACKUP_DIR: join(folderOfOwner.path, 'backup-folder'),
    SNAILPASS_BACKUP_ENCRYPT_TO: (await createAgeKeyPair(folderOfOwner.path)).recipient,
  })
  installed.setFault('dies')
  const { code, stderr } = await runServiceInstall(next, installed.prefix)
  expect(code).toBe(1)
  expect(stderr).toContain('restored the database from before the migration\n')
  expect(backupPathIn(stderr)).toMatch(/\/backup-folder\/snailpass-\d+T\d+Z\.sqlite\.age$/)
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
}, 300_000)
