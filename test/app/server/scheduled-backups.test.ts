import { expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pruneBackups } from '../../../src/app/operations/backup'
import { systemRuntime } from '../../../src/app/runtime'
import { startBackupSchedule } from '../../../src/app/server/backup-schedule'
import { createCommandRunner } from '../../../src/app/server/child-command'
import { openTargets } from '../../../src/app/targets'
import { createChildEnvironment, loadConfig } from '../../../src/config/load'
import { createBackups } from '../../../src/domain/backups'
import { createLog } from '../../../src/log'
import { signUpAndLogIn } from '../../support/client'
import { executable, run, temporaryFolder } from '../../support/executable'
import { installations } from '../../support/installations'
import { startPostgresFirst } from '../../support/postgres'
import { startTestServer } from '../../support/server'
import { postgresDatabaseAt, sqliteDatabaseIn } from '../../support/store'
import { until } from '../../support/until'

startPostgresFirst('newest')

test.each(installations)(
  'a server on $engine has the executable create a backup, and records it',
  async ({ install }) => {
    await using installation = await install()
    const { dataDir } = installation
    const config = loadConfig({
      environment: installation.environment,
      flags: { dataDir },
      file: null,
    })
    {
      await using server = await startTestServer({ settings: installation.environment, dataDir })
      await signUpAndLogIn(server.url, 'owner')
    }
    const { store } = await ('SNAILPASS_DATABASE_URL' in installation.environment
      ? postgresDatabaseAt(installation.url)
      : sqliteDatabaseIn(dataDir, systemRuntime)
    ).openForServer({ create: false })
    const log: string[] = []
    const lines = createLog('json', Date.now, (line) => log.push(line))
    const backups = createBackups({ store, clock: Date.now })
    const runBackup = createCommandRunner(
      [executable, 'backup', '--prune'],
      createChildEnvironment(config, {
        HOME: '/nonexistent',
        SNAILPASS_SECRET_KEY: 'not for the child',
      }),
    )
    const schedule = startBackupSchedule({
      backups,
      run: runBackup,
      schedule: { hour: 2, minute: 0, jitter: 120 },
      runtime: {
        ...systemRuntime,
        wait: (milliseconds, signal) => systemRuntime.wait(milliseconds / 1_000, signal),
      },
      log: lines,
    })
    const state = await until(
      async () => {
        const current = await backups.state()
        return current.verified === null && current.failure === null ? null : current
      },
      'the backup to be verified or to fail',
      { interval: 20 },
    )
    await schedule.stop()
    await store.close()
    expect(log).toEqual([])
    expect(state.failure).toBeNull()
    const path = state.verified?.path ?? ''
    expect(state.verified?.bytes).toBe(statSync(path).size)
    expect(path).toStartWith(join(dataDir, 'backups', 'snailpass-'))
    const verified = await run(['backup', 'verify', path, '--data-dir', dataDir])
    expect(verified.stdout).toMatch(/^verified: \d+ accounts?, /m)
    expect(verified.stdout).toMatch(/^users +1 /m)
  },
  300_000,
)

test('pruning removes only backups of the schedule, not named ones and not those from before an operation', async () => {
  using folder = temporaryFolder()
  const { settings } = loadConfig({
    environment: { SNAILPASS_BACKUP_KEEP: '2 daily' },
    flags: { dataDir: folder.path },
    file: null,
  })
  const backups = join(folder.path, 'backups')
  const targets = openTargets(settings, systemRuntime)
  await targets.database.withExclusive({ create: true }, ({ migrate }) => migrate())
  expect(await pruneBackups(targets)).toEqual({ removed: [], kept: null })
  mkdirSync(backups)
  const names = {
    removed: ['snailpass-20261120T020000Z.sqlite', 'snailpass-20261121T020000Z.sqlite.age'],
    kept: [
      'snailpass-20261122T020000Z.sqlite.age',
      'snailpass-20261123T020000Z-2.sqlite',
      'snailpass-20261119T020000Z.sqlite.partial',
      'snailpass-before-restore-20200101T000000Z.sqlite',
      'mine-20200101T000000Z.sqlite',
      'snailpass.sqlite',
      'notes.txt',
    ],
  }
  for (const name of [...names.removed, ...names.kept]) writeFileSync(join(backups, name), '')
  const { removed } = await pruneBackups(targets)
  expect(removed).toEqual(names.removed.map((name) => join(backups, name)))
  for (const path of removed) expect(existsSync(path)).toBeFalse()
  expect(new Set(readdirSync(backups))).toEqual(new Set(names.kept))
})
