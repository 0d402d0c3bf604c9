import { constants, setPriority } from 'node:os'
import { Command } from 'commander'
import {
  type BackupOptions,
  type ListedBackup,
  listBackups,
  pruneBackups,
  writeBackup,
} from '../../src/app/operations/backup'
import { type VerifiedManifest, verifyBackupFile } from '../../src/app/operations/restore'
import { systemRuntime } from '../../src/app/runtime'
import { backupKeys } from '../../src/config/settings'
import { DomainError } from '../../src/domain/errors'
import { loadCommandSettings, withConfigOptions } from '../config-options'
import {
  askNewPassphrase,
  type DecryptionOptions,
  decryptionOf,
  readPassphrase,
  withDecryptionOptions,
} from '../decryption-options'
import { exitOnSignals } from '../signals'
import { formatTable } from '../table'
import { createProgressLine, info, out, outJson } from '../terminal'

interface WriteOptions {
  readonly to?: string
  readonly encryptTo?: string[]
  readonly passphraseFile?: string
  readonly passphrase?: true
  readonly plain?: true
  readonly withSecrets?: true
  readonly prune?: true
}

export function backupCommand(): Command {
  const command = new Command('backup')
    .description('write everything into an archive, and prove it')
    .helpCommand(false)
    .addCommand(listCommand())
    .addCommand(verifyCommand())
    .option('--to <path>', 'file to make, or folder to make it in')
    .option(
      '--encrypt-to <key>',
      'public key of somebody who can open it (age1…); once for each',
      (key: string, previous: readonly string[] = []) => [...previous, key],
    )
    .option('--passphrase', 'encrypt it with a passphrase that is typed on the terminal')
    .option('--passphrase-file <file>', 'encrypt it with the passphrase in a file')
    .option('--plain', 'do not encrypt it, whatever the settings say')
    .option(
      '--prune',
      'then remove archives that SNAILPASS_BACKUP_KEEP does not keep, as servers do',
    )
    .option(
      '--with-secrets',
      'put the secret key, the certificate authority and the secret settings into it as well',
    )
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey', ...backupKeys])
    .addHelpText(
      'after',
      `
Works while servers run, and with Postgres too. An archive is one SQLite file with every account,
every vault, the letters that wait and the settings, whatever the engine; secrets are in it
only with --with-secrets, which needs encryption. It is read again and compared by a checksum
of each table before it gets its name, which is printed. \`age --decrypt\` opens an encrypted
one, sqlite3 any other.

Examples:
  snailpass backup --data-dir /srv/snailpass
  snailpass backup --to /mnt/usb/ --passphrase`,
    )
    .action(async (options: WriteOptions) => {
      const settings = loadCommandSettings(command)
      const encryption = await encryptionOf(options)
      exitOnSignals()
      // Those who write meanwhile go first.
      setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
      const progress = createProgressLine()
      const { to = null, withSecrets = false } = options
      const written = await writeBackup(settings, systemRuntime, {
        to,
        encryptFor: encryption,
        withSecrets,
        onProgress: progress.update,
      }).finally(progress.end)
      info(
        `Written and verified: ${written.rows === 1 ? '1 row' : `${written.rows} rows`}${written.isEncrypted ? ', encrypted' : ''}. The archive:`,
      )
      out(written.path)
      if (!written.isRecorded) {
        info('warning: the database takes no writes at present, so servers do not know of it')
      }
      if (options.prune !== true) return
      for (const path of pruneBackups(settings, systemRuntime)) info(`Removed: ${path}`)
    })
}

/** Undefined where the settings say it. Throws `invalid` for more than one kind. */
async function encryptionOf(options: WriteOptions): Promise<BackupOptions['encryptFor']> {
  const { encryptTo, passphraseFile, passphrase, plain } = options
  const kinds = [encryptTo, passphraseFile, passphrase, plain].filter((kind) => kind !== undefined)
  if (kinds.length > 1) {
    throw new DomainError(
      'invalid',
      'an archive is opened by keys, by one passphrase or by everybody',
      {
        hint: 'choose one of --encrypt-to, --passphrase, --passphrase-file and --plain',
      },
    )
  }
  if (encryptTo !== undefined) return { recipients: encryptTo }
  if (passphraseFile !== undefined) return { passphrase: readPassphrase(passphraseFile) }
  if (plain === true) return null
  return passphrase === undefined ? undefined : { passphrase: await askNewPassphrase() }
}

function listCommand(): Command {
  const command = new Command('list')
    .description('print the archives in the folder for archives')
    .option('--json', 'print an array of objects')
  return withConfigOptions(command, ['dataDir', 'backupDir'])
    .addHelpText(
      'after',
      `
The oldest first. ROWS is - where they cannot be read without a key; nothing is verified for it.
Each object of --json has file, time, size in bytes, encrypted, rows (null for none) and
complete.

Examples:
  snailpass backup list --json
  snailpass backup list --data-dir /srv/snailpass`,
    )
    .action(async (options: { json?: true }) => {
      const backups = await listBackups(loadCommandSettings(command), systemRuntime)
      if (options.json === true) {
        const entries = backups.map(({ time, ...rest }) => ({
          ...rest,
          time: new Date(time).toISOString(),
        }))
        return outJson(entries)
      }
      if (backups.length === 0) info('There is no archive yet.')
      else for (const line of formatTable(header, backups.map(rowOf))) out(line)
    })
}

const header = ['TIME', 'BYTES', 'ROWS', 'STATE', 'FILE']

function rowOf({ file, time, size, encrypted, rows, complete }: ListedBackup): readonly string[] {
  return [
    new Date(time).toISOString().replace(/\.\d+/, ''),
    String(size),
    String(rows ?? '-'),
    complete ? (encrypted ? 'encrypted' : 'plain') : 'incomplete',
    file,
  ]
}

function verifyCommand(): Command {
  const command = new Command('verify')
    .description('prove that an archive is whole, and print what it holds')
    .argument('<file>', 'the archive')
  return withConfigOptions(withDecryptionOptions(command), ['dataDir', 'backupPassphrase'])
    .addHelpText(
      'after',
      `
Checks the file as a database, that it holds what its manifest says and nothing else, and every
row by the checksum of its table. An encrypted archive is decrypted into the data folder for
that, and taken away again.

Example:
  snailpass backup verify /mnt/usb/snailpass-20261124T031502Z.sqlite`,
    )
    .action(async (file: string, options: DecryptionOptions) => {
      exitOnSignals()
      const settings = loadCommandSettings(command)
      const progress = createProgressLine()
      const backup = await verifyBackupFile(settings, systemRuntime, file, {
        decryption: decryptionOf(options, settings),
        onProgress: progress.update,
      }).finally(progress.end)
      for (const line of linesOf(backup)) out(line)
      out('verified')
    })
}

/** What an archive says of itself, and what it holds table by table. */
function linesOf(backup: VerifiedManifest): readonly string[] {
  const secrets = backup.secrets === null ? '' : ', with secrets'
  const encryption = backup.isEncrypted ? ', encrypted' : ''
  return [
    `made at ${new Date(backup.time).toISOString()} by snailpass ${backup.version} from ${backup.engine}${encryption}${secrets}`,
    ...backup.tables.map(
      ({ name, checksum }) =>
        `${name.padEnd(18)}${String(checksum.rows).padStart(9)}  ${checksum.sha256}`,
    ),
  ]
}
