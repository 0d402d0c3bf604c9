import { Command } from 'commander'
import { type RestorePlan, restoreBackup } from '../../src/app/operations/restore'
import { systemRuntime } from '../../src/app/runtime'
import { backupKeys } from '../../src/config/settings'
import { loadCommandSettings, withConfigOptions } from '../config-options'
import { type DecryptionOptions, decryptionOf, withDecryptionOptions } from '../decryption-options'
import { exitOnSignals } from '../signals'
import { confirm, createProgressLine, info, out } from '../terminal'

interface RestoreOptions extends DecryptionOptions {
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
  return withConfigOptions(withDecryptionOptions(command), [
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
      const settings = loadCommandSettings(command)
      const { dryRun = false, yes = false, withSecrets = false } = options
      const progress = createProgressLine()
      const { plan, safetyBackup } = await restoreBackup(settings, systemRuntime, file, {
        decryption: decryptionOf(options, settings),
        dryRun,
        withSecrets,
        onProgress: progress.update,
        async consent(planned) {
          progress.end()
          printPlan(planned)
          if (yes) return
          await confirm(`This replaces everything in ${planned.database}.`, 'restore')
        },
      }).finally(progress.end)
      if (dryRun) {
        printPlan(plan)
        info('Nothing was changed. Run it without --dry-run to restore.')
        return
      }
      info(`${plan.database} holds what the archive does; all sessions have ended.`)
      if (safetyBackup === null) return
      info('What it held before is in this archive:')
      out(safetyBackup)
    })
}

function printPlan({ backup, tables, settings }: RestorePlan): void {
  info(
    `An archive of ${new Date(backup.time).toISOString()}, by snailpass ${backup.version} from ${backup.engine}; verified.`,
  )
  for (const { table, now, after } of tables) info(`${table.padEnd(18)}${now} rows -> ${after}`)
  if (settings.length === 0) return
  info('Settings were other ones then, and stay as they are now:')
  for (const { name, inBackup, now } of settings) info(`  ${name}: ${inBackup} then, ${now} now`)
}
