import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { encryptionOf } from '../backup/encryption'
import { translateBackupErrors } from '../backup/faults'
import { listBackupFiles, parseBackupTime } from '../backup/files'
import { verifyBackup, withBackup } from '../backup/verify'
import { DomainError } from '../domain/errors'
import { formatCount, formatTime } from '../domain/text'
import { backupFolderOf } from './backup-folder'
import type { Targets } from './targets'

/** A backup that was verified just now, or is encrypted: only the owner of the key can verify that. */
export interface GoodBackup {
  readonly path: string
  /** Milliseconds since 1970 (UTC). */
  readonly time: number
  /** What it contains; null if it is encrypted. */
  readonly content: { readonly accounts: number; readonly records: number } | null
}

/**
 * Returns the newest good backup in the configured folder and in the default one, null for none. Reads no database. Backups
 * that are damaged or not complete are passed over.
 */
async function findNewestBackup(targets: Targets): Promise<GoodBackup | null> {
  const folders = new Set([backupFolderOf(targets).path, targets.folder.backups])
  const files = [...folders]
    .flatMap((folder) => listBackupFiles(folder))
    .filter(({ isPartial, isFile }) => isFile && !isPartial)
    .map(({ path }) => ({ path, time: parseBackupTime(basename(path)) ?? statSync(path).mtimeMs }))
    .sort((one, other) => other.time - one.time)
  for (const { path, time } of files) {
    const backup = await inspectIfGood(path, time)
    if (backup !== null) return backup
  }
  return null
}

async function inspectIfGood(path: string, time: number): Promise<GoodBackup | null> {
  try {
    const encryption = await translateBackupErrors(path, 'read', async () => encryptionOf(path))
    if (encryption !== null) return { path, time, content: null }
    return await withBackup(path, async (backup) => {
      const manifest = await verifyBackup(backup, () => {})
      const rowsOf = (table: string) =>
        manifest.tables.find(({ name }) => name === table)?.checksum.rows ?? 0
      const content = { accounts: rowsOf('users'), records: rowsOf('records') }
      return { path, time: manifest.time, content }
    })
  } catch (error) {
    if (error instanceof DomainError) return null
    throw error
  }
}

/** Returns what to do to get lost data back: the command that restores the newest good backup, with what it contains. */
export async function describeRestore(targets: Targets): Promise<string> {
  const backup = await findNewestBackup(targets)
  if (backup === null) {
    return `there is no good backup in ${backupFolderOf(targets).path}: if you have one elsewhere, run \`snailpass restore FILE\``
  }
  const { path, time, content } = backup
  const contents =
    content === null
      ? 'encrypted, so not checked'
      : `${formatCount(content.accounts, 'account')}, ${formatCount(content.records, 'record')}`
  const command = `snailpass restore ${shellQuote(path)} --data-dir ${shellQuote(targets.folder.path)}`
  return `restore the newest backup, of ${formatTime(time)} (${contents}): ${command}`
}

/** Quotes a word for a POSIX shell if it needs that. */
function shellQuote(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
