import { Command } from 'commander'
import { type RestorePlan, restore } from '../../src/app/restore'
import { realWorld } from '../../src/app/world'
import { backupKeys } from '../../src/config/settings'
import { type UnlockingOptions, unlockingOf, withUnlockingOptions } from '../archive-options'
import { settingsOf, withConfigOptions } from '../config-options'
import { exitOnSignals } from '../signals'
import { confirm, print, showProgress, tell } from '../terminal'

interface RestoreOptions extends UnlockingOptions {
  readonly dryRun?: true
  readonly yes?: true
  readonly withSecrets?: true
}

export function restoreCommand(): Command {
  const command = new Command('restore')
    .description('put what an archive holds in the place of everything in the database')
    .argument('<file>', 'the archive')
    .option('--dry-run', 'only print what would change')
    .option('--yes', 'do not ask')
    .option(
      '--with-secrets',
      'put the secret key and the certificate authority of the archive in the place of these',
    )
  return withConfigOptions(withUnlockingOptions(command), [
    'dataDir',
    'database',
    'secretKey',
    ...backupKeys,
  ])
    .addHelpText(
      'after',
      `
Stop every server of the database first. The archive is verified, an archive is made of what is
there, and then everything is replaced in one transaction: whatever ends it half-way, the
database is as it was. Everybody signs in again afterwards. An archive of SQLite restores
into Postgres, and the other way round; a database that is missing is made. The database
keeps its secret key, and the settings stay as they are.

Examples:
  snailpass restore backups/snailpass-20261124T031502Z.sqlite --dry-run
  snailpass restore /mnt/usb/snailpass-20261124T031502Z.sqlite.age --identity key.txt`,
    )
    .action(async (file: string, options: RestoreOptions) => {
      exitOnSignals()
      const settings = settingsOf(command)
      const { dryRun = false, yes = false, withSecrets = false } = options
      const progress = showProgress()
      const { plan, safetyArchive } = await restore(settings, realWorld, file, {
        unlocking: unlockingOf(options, settings),
        dryRun,
        withSecrets,
        show: progress.show,
        async consent(planned) {
          progress.end()
          tellPlan(planned)
          if (yes) return
          await confirm(`This replaces everything in ${planned.database}.`, 'restore')
        },
      }).finally(progress.end)
      if (dryRun) {
        tellPlan(plan)
        tell('Nothing was changed. Run it without --dry-run to restore.')
        return
      }
      tell(`${plan.database} holds what the archive does; all sessions have ended.`)
      if (safetyArchive === null) return
      tell('What it held before is in this archive:')
      print(safetyArchive)
    })
}

function tellPlan({ archive, tables, settings }: RestorePlan): void {
  tell(
    `An archive of ${new Date(archive.time).toISOString()}, by snailpass ${archive.version} from ${archive.engine}; verified.`,
  )
  for (const { table, now, after } of tables) tell(`${table.padEnd(18)}${now} rows -> ${after}`)
  if (settings.length === 0) return
  tell('Settings were other ones then, and stay as they are now:')
  for (const { name, archived, now } of settings) tell(`  ${name}: ${archived} then, ${now} now`)
}
