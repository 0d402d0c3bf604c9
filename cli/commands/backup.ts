import { constants } from 'node:os'
import { Command } from 'commander'
import {
  type BackupOptions,
  findBackupFolderProblem,
  type ListedBackup,
  listBackups,
  pruneBackups,
  writeBackup,
} from '../../src/app/operations/backup'
import { type VerifiedManifest, verifyBackupFile } from '../../src/app/operations/restore'
import { lowerPriority } from '../../src/app/priority'
import { requireUsablePath } from '../../src/config/paths'
import { backupKeys } from '../../src/config/settings'
import { namingSetting } from '../../src/config/values'
import { DomainError } from '../../src/domain/errors'
import { describeOrigin } from '../backup-origin'
import { openCommandTargets, withConfigOptions } from '../config-options'
import { checksumColumns, formatContents } from '../contents'
import {
  askNewPassphrase,
  type DecryptionOptions,
  decryptionOf,
  readPassphrase,
  withDecryptionOptions,
} from '../decryption-options'
import { formatCell, formatJsonTime, formatTime, formatTimestamp } from '../format'
import { longOption, printTable, type TableOptions } from '../print-table'
import { warn } from '../report'
import { exitOnSignals } from '../signals'
import type { Column } from '../table'
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
    .description('back up everything and verify the backup')
    .helpCommand(false)
    .addCommand(listCommand())
    .addCommand(verifyCommand())
    .option('--to <path>', 'file to create, or folder to create it in')
    .option(
      '--encrypt-to <key>',
      'age public key (age1…) that can decrypt the backup; may be repeated',
      (key: string, previous: readonly string[] = []) => [...previous, key],
    )
    .option('--passphrase', 'encrypt with a passphrase typed on the terminal')
    .option('--passphrase-file <file>', 'encrypt with the passphrase in this file')
    .option('--plain', 'do not encrypt, even if the settings say so')
    .option(
      '--prune',
      'then remove the backups that SNAILPASS_BACKUP_KEEP does not keep, as servers do',
    )
    .option(
      '--with-secrets',
      'include the secret key, the certificate authority and the secret settings',
    )
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey', ...backupKeys])
    .addHelpText(
      'after',
      `
Works while servers run. For SQLite and Postgres alike, a backup is a single
SQLite file with all accounts, vaults, pending emails and settings. It contains
secrets only with --with-secrets, which requires encryption. The backup is read
back and verified by a checksum of each table before it gets its final name,
which is printed. \`age --decrypt\` decrypts an encrypted backup; sqlite3 opens
any other.

--to creates the folder that it names if the folder above exists. The backup
folder of the settings must exist: its disk may not be mounted.

Examples:
  snailpass backup --data-dir /srv/snailpass
  snailpass backup --to /mnt/usb/ --passphrase`,
    )
    .action(async (options: WriteOptions) => {
      const { to = null, withSecrets = false } = options
      if (to !== null)
        namingSetting('--to', () => requireUsablePath('file or folder', to, { value: to }))
      const targets = openCommandTargets(command, to === null ? [] : [to])
      const encryption = await encryptionOf(options)
      exitOnSignals()
      // Servers, which may be writing at the same time, get the processor first.
      lowerPriority(process.pid, constants.priority.PRIORITY_BELOW_NORMAL)
      const progress = createProgressLine()
      const written = await writeBackup(targets, {
        to,
        encryptFor: encryption,
        withSecrets,
        onProgress: progress.update,
      }).finally(progress.end)
      const encrypted = written.isEncrypted ? ', encrypted' : ''
      info(`Backup written and verified (${formatContents(written.tables)}${encrypted}):`)
      out(written.path)
      if (!written.isRecorded) {
        info(
          'warning: the database does not accept writes now, so servers do not know of this backup',
        )
      }
      if (written.otherWriters !== null) {
        info(`warning: other users can change this backup: ${written.otherWriters}`)
      }
      if (options.prune !== true) return
      const { removed, kept } = await pruneBackups(targets)
      for (const path of removed) info(`Removed: ${path}`)
      if (kept !== null) info(`warning: no old backup was removed: ${kept}`)
    })
}

/** Returns what the options say about encryption, undefined if the settings decide. Throws `invalid` for several options. */
async function encryptionOf(options: WriteOptions): Promise<BackupOptions['encryptFor']> {
  const { encryptTo, passphraseFile, passphrase, plain } = options
  const kinds = [encryptTo, passphraseFile, passphrase, plain].filter((kind) => kind !== undefined)
  if (kinds.length > 1) {
    throw new DomainError('invalid', 'several encryption options exclude each other', {
      hint: 'choose one of --encrypt-to, --passphrase, --passphrase-file and --plain',
    })
  }
  if (encryptTo !== undefined) return { recipients: encryptTo }
  if (passphraseFile !== undefined) return { passphrase: readPassphrase(passphraseFile) }
  if (plain === true) return null
  return passphrase === undefined ? undefined : { passphrase: await askNewPassphrase() }
}

function listCommand(): Command {
  const command = new Command('list')
    .description('print the backups in the backup folder')
    .option(...longOption)
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'backupDir'])
    .addHelpText(
      'after',
      `
The oldest backup comes first. ROWS is - for a backup that can't be read without
a key. Backups are not verified.

Examples:
  snailpass backup list --json
  snailpass backup list --data-dir /srv/snailpass`,
    )
    .action(async (options: TableOptions & { json?: true }) => {
      const targets = openCommandTargets(command)
      const backups = await listBackups(targets)
      const problem = await findBackupFolderProblem(targets)
      if (problem !== null) warn(problem)
      if (options.json === true) return outJson(backups.map(toJson))
      if (backups.length === 0) info('No backups.')
      else printTable(columns, backups, options)
    })
}

function toJson({ file, time, size, encrypted, rows, complete }: ListedBackup) {
  return {
    file,
    time: formatJsonTime(time),
    size_bytes: size,
    is_encrypted: encrypted,
    rows,
    is_complete: complete,
  }
}

/** The name of a file tells its time too. */
const columns: readonly Column<ListedBackup>[] = [
  { title: 'TIME', cell: ({ time }) => formatTimestamp(time), leaves: 1 },
  { title: 'BYTES', cell: ({ size }) => String(size), leaves: 3 },
  { title: 'ROWS', cell: ({ rows }) => formatCell(rows), leaves: 2 },
  {
    title: 'STATE',
    cell: ({ encrypted, complete }) =>
      complete ? (encrypted ? 'encrypted' : 'plain') : 'incomplete',
  },
  { title: 'FILE', cell: ({ file }) => file },
]

function verifyCommand(): Command {
  const command = new Command('verify')
    .description('verify a backup and print what it contains')
    .argument('<file>', 'backup to verify')
    .option(...longOption)
    .option('--json', 'print JSON')
  return withConfigOptions(withDecryptionOptions(command), [
    'dataDir',
    'secretKey',
    'backupPassphrase',
  ])
    .addHelpText(
      'after',
      `
Checks that the file is an intact database, that it contains exactly what its
manifest lists, that the rows of each table match their checksum, and that the
signature fits if this server made it. An encrypted backup is decrypted into the
data folder for this; the decrypted file is deleted afterwards.

Example:
  snailpass backup verify /mnt/usb/snailpass-20261124T031502Z.sqlite`,
    )
    .action(async (file: string, options: DecryptionOptions & TableOptions & { json?: true }) => {
      exitOnSignals()
      const targets = openCommandTargets(command)
      const progress = createProgressLine()
      const backup = await verifyBackupFile(targets, file, {
        decryption: decryptionOf(options, targets.settings),
        onProgress: progress.update,
      }).finally(progress.end)
      if (options.json === true) return outJson(verifiedToJson(file, backup))
      printVerified(backup, options)
    })
}

/** A backup that fails verification is an error, so there is no other status. */
function verifiedToJson(file: string, backup: VerifiedManifest) {
  return {
    status: 'verified',
    file,
    time: formatJsonTime(backup.time),
    version: backup.version,
    engine: backup.engine,
    is_encrypted: backup.isEncrypted,
    has_secrets: backup.secrets !== null,
    signature: backup.origin.replaceAll('-', '_'),
    tables: backup.tables.map(({ name, checksum: { rows, sha256 } }) => ({ name, rows, sha256 })),
  }
}

function printVerified(backup: VerifiedManifest, options: TableOptions): void {
  const secrets = backup.secrets === null ? '' : ', with secrets'
  const encryption = backup.isEncrypted ? ', encrypted' : ''
  const checksums = backup.tables.map(({ checksum }) => checksum)
  out(
    `created ${formatTime(backup.time)} by snailpass ${backup.version} from ${backup.engine}${encryption}${secrets}`,
  )
  printTable(checksumColumns, checksums, options)
  out(describeOrigin(backup.origin))
  out(`verified: ${formatContents(checksums)}`)
}
