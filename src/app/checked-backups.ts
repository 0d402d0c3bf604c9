import { encryptionOf } from '../backup/encryption'
import { translateBackupErrors } from '../backup/faults'
import { originOf, verifyBackup, withBackup } from '../backup/verify'
import { DomainError } from '../domain/errors'
import { formatCount, formatTime, shellQuote } from '../domain/text'
import { backupFolderOf, listBackupPaths } from './backup-folder'
import { findBackupSigner } from './secret-key'
import type { Targets } from './targets'

/** A backup file that was verified just now, without a database. */
export interface CheckedBackup {
  readonly path: string
  /** Milliseconds since 1970 (UTC). */
  readonly time: number
  /** What is wrong with it; null for nothing. */
  readonly problem: string | null
  /** What it contains; null if it is encrypted, so that only the owner of the key can verify it, or has a problem. */
  readonly content: { readonly accounts: number; readonly records: number } | null
}

/** Verifies a backup. */
export async function checkBackupFile(
  targets: Targets,
  { path, time }: { readonly path: string; readonly time: number },
): Promise<CheckedBackup> {
  try {
    const encryption = await translateBackupErrors(path, 'read', async () => encryptionOf(path))
    if (encryption !== null) return { path, time, problem: null, content: null }
    return await withBackup(path, async (backup) => {
      const manifest = await verifyBackup(backup, () => {})
      const signer = findBackupSigner(targets, manifest.signature?.fingerprint ?? null)
      if (originOf(manifest, signer) === 'forged')
        return { path, time, problem: `${path} is forged`, content: null }
      const rowsOf = (table: string) =>
        manifest.tables.find(({ name }) => name === table)?.checksum.rows ?? 0
      const content = { accounts: rowsOf('users'), records: rowsOf('records') }
      return { path, time: manifest.time, problem: null, content }
    })
  } catch (error) {
    if (error instanceof DomainError) return { path, time, problem: error.message, content: null }
    throw error
  }
}

/** Returns the newest backup without a problem, null for none. */
async function findNewestBackup(targets: Targets): Promise<CheckedBackup | null> {
  for (const file of listBackupPaths(targets)) {
    const backup = await checkBackupFile(targets, file)
    if (backup.problem === null) return backup
  }
  return null
}

/** Describes a backup by its time and content. */
export function describeBackup({ time, content }: CheckedBackup): string {
  const contents =
    content === null
      ? 'encrypted, so not checked'
      : `${formatCount(content.accounts, 'account')}, ${formatCount(content.records, 'record')}`
  return `${formatTime(time)} (${contents})`
}

/** Returns what to do to get lost data back: the command that restores the newest good backup, with what it contains. */
export async function describeRestore(targets: Targets): Promise<string> {
  const backup = await findNewestBackup(targets)
  if (backup === null) {
    return `there is no good backup in ${backupFolderOf(targets).path}: if you have one elsewhere, run \`snailpass restore FILE\``
  }
  const file = shellQuote(backup.path)
  const command = `snailpass restore ${file} --data-dir ${shellQuote(targets.folder.path)}`
  return `restore the newest backup, of ${describeBackup(backup)}: \`${command}\``
}
