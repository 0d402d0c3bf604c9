import type { BackupState } from './backup-state'
import { backupProblem, isRecentBackup } from './backups'

/** What a server or a command finds in the backup folder of its settings. */
export interface BackupFolderReport {
  /** What prevents backups there, as a sentence; null for nothing. */
  readonly problem: string | null
  /** How other users of the machine can change the backups, as a text; null if they can't. */
  readonly otherWriters: string | null
  /** Times of the complete backups in it, in milliseconds since 1970 (UTC). */
  readonly times: readonly number[]
  /** Whether the last recorded backup was written on this machine and its file is gone. */
  readonly isLastGone: boolean
}

/**
 * Returns what is wrong with daily backups: that of `backupProblem`, or `gone` if the file of the last backup is. Neither
 * counts that backups are old, nor that the last one is gone, if the folder has a recent one: the last one may have been
 * written to a disk that is unplugged now. A failure always counts.
 */
export function findDailyBackupProblem(
  state: BackupState,
  folder: BackupFolderReport | null,
  now: number,
): ReturnType<typeof backupProblem> | 'gone' {
  const problem = backupProblem(state, now)
  if (problem === 'failed' || folder === null) return problem
  if (folder.times.some((time) => isRecentBackup(time, now))) return null
  return problem ?? (folder.isLastGone ? 'gone' : null)
}
