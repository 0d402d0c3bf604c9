import { Command } from 'commander'
import { type RestorePlan, restoreBackup } from '../../src/app/operations/restore'
import { backupKeys } from '../../src/config/settings'
import { describeOrigin } from '../backup-origin'
import { openCommandTargets, withConfigOptions } from '../config-options'
import { nounOf } from '../contents'
import { type DecryptionOptions, decryptionOf, withDecryptionOptions } from '../decryption-options'
import { formatFields, formatTime } from '../format'
import { confirm } from '../prompts'
import { exitOnSignals } from '../signals'
import { createProgressLine, info, out } from '../terminal'

interface RestoreOptions extends DecryptionOptions {
  readonly dryRun?: true
  readonly yes?: true
  readonly acceptForged?: true
  readonly withSecrets?: true
}

export function restoreCommand(): Command {
  const command = new Command('restore')
    .description('replace all data with a backup')
    .argument('<file>', 'backup to restore')
    .option('--dry-run', 'only print what would change')
    .option('--yes', 'do not ask for confirmation')
    .option('--accept-forged', 'also restore a backup that was changed after it was written')
    .option(
      '--with-secrets',
      'also replace the secret key and the certificate authority with those of the backup',
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
Stop every server of the database first. The backup is verified, the current
data is backed up, and then everything is replaced in a single transaction: if
the restore fails or is interrupted, nothing is changed. Afterwards everyone has
to sign in again. A backup of a SQLite database can be restored into Postgres
and vice versa. A database that is missing, empty or damaged is created; the old
files are moved aside. Without --with-secrets the database keeps its secret key.
Settings are never changed. A backup that was changed after this server had
signed it is restored only after a question of its own, which --yes does not
skip.

Examples:
  snailpass restore backups/snailpass-20261124T031502Z.sqlite --dry-run
  snailpass restore /mnt/usb/snailpass.sqlite.age --identity key.txt`,
    )
    .action(async (file: string, options: RestoreOptions) => {
      exitOnSignals()
      const targets = openCommandTargets(command)
      const { dryRun = false, yes = false, withSecrets = false } = options
      const progress = createProgressLine()
      const { plan, safetyBackup, setAside } = await restoreBackup(targets, file, {
        decryption: decryptionOf(options, targets.settings),
        dryRun,
        withSecrets,
        onProgress: progress.update,
        async consent(planned) {
          progress.end()
          printPlan(planned)
          if (planned.backup.origin === 'forged' && options.acceptForged !== true) {
            await confirm(forgedQuestion(file), '--accept-forged')
          }
          if (yes) return
          const effect =
            planned.lost === null
              ? `This replaces everything in ${planned.database}.`
              : `This creates ${planned.database} again and moves the old files aside.`
          await confirm(effect)
        },
      }).finally(progress.end)
      if (dryRun) {
        printPlan(plan)
        info('Nothing was changed. Run it without --dry-run to restore.')
        return
      }
      info(`Restored ${plan.database}; everyone has to sign in again.`)
      for (const path of setAside) info(`Old file: ${path}`)
      if (safetyBackup === null) return
      info('Backup of the previous data:')
      out(safetyBackup)
    })
}

/** `--yes` does not answer it: a script must not restore what an attacker has prepared. */
function forgedQuestion(file: string): string {
  return `${file} is forged: someone without the secret key has changed it. A restore can give accounts to that person.`
}

function printPlan({ backup, lost, tables, settings }: RestorePlan): void {
  info(
    `Verified backup, created ${formatTime(backup.time)} by snailpass ${backup.version} from ${backup.engine}.`,
  )
  info(describeOrigin(backup.origin))
  if (lost !== null) info(`The database is lost: ${lost}`)
  const counts = tables
    .filter(({ now, after }) => now > 0 || after > 0)
    .map(({ table, now, after }) => [nounOf(table), `${now} now, ${after} afterwards`] as const)
  for (const line of formatFields(counts)) info(line)
  if (settings.length === 0) return
  info("These settings differ from the backup's; they are not changed:")
  for (const { name, inBackup, now } of settings)
    info(`  ${name}: ${inBackup} in the backup, ${now} now`)
}
