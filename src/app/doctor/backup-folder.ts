import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type BackupFolderReport, findDailyBackupProblem } from '../../domain/backup-folder'
import type { BackupState } from '../../domain/backup-state'
import { DomainError } from '../../domain/errors'
import { formatCount, formatTime } from '../../domain/text'
import { findFolderProblem } from '../../files/external-folder'
import { backupFolderOf, inspectBackupFolder, listBackupPaths } from '../backup-folder'
import { checkBackupFile, describeBackup } from '../checked-backups'
import { type ListedBackup, listBackups } from '../operations/backup'
import type { Targets } from '../targets'
import type { Finding, Outcome } from './findings'

/** What the doctor knows of the backups of a database. */
export interface BackupInspection {
  readonly state: BackupState
  readonly folder: BackupFolderReport
  /** The newest backup in the folder whose manifest can be read; null for none. */
  readonly newest: ListedBackup | null
}

/** Inspects the backup folder, and reads the manifest of each backup in it. */
export async function inspectBackups(
  targets: Targets,
  state: BackupState,
): Promise<BackupInspection> {
  const report = await inspectBackupFolder(backupFolderOf(targets), state)
  const complete = (await listReadable(targets)).filter((backup) => backup.complete)
  return {
    state,
    folder: { ...report, times: complete.map(({ time }) => time) },
    newest: complete.at(-1) ?? null,
  }
}

/** Returns the backups in the backup folder; none if it can't be read, which is another finding. */
async function listReadable(targets: Targets): Promise<readonly ListedBackup[]> {
  try {
    return await listBackups(targets)
  } catch (error) {
    if (error instanceof DomainError) return []
    throw error
  }
}

/** Returns what is wrong with the backups, null for nothing. Does not look for the file of a backup on another host. */
export function describeBackupProblem(
  { state, folder }: BackupInspection,
  now: number,
): string | null {
  const { verified, failure } = state
  switch (findDailyBackupProblem(state, folder, now)) {
    case 'failed':
      return `the last backup failed: ${failure?.reason}`
    case 'stale':
      return 'there is no recent backup: none was verified in the last two days'
    case 'gone':
      return `the newest verified backup is gone: ${verified?.path}`
    case null:
      return verified === null && folder.times.length === 0
        ? 'there is no verified backup yet'
        : null
  }
}

/** Returns the newest backup, as a fact: the one that was recorded last, or one in the backup folder if that is gone. */
export function describeNewestBackup({ state, folder, newest }: BackupInspection): string {
  const { verified } = state
  if (newest !== null && (verified === null || folder.isLastGone))
    return `the newest backup is ${newest.file}, from ${formatTime(newest.time)}`
  return verified === null
    ? 'there is no verified backup yet'
    : `the newest verified backup is ${verified.path}, from ${formatTime(verified.time)}`
}

/** Returns a note about a configured backup folder that is lost together with the data, as the end of a fact. */
export async function describeSharedDisk(targets: Targets): Promise<string> {
  const { folder, location } = targets
  const { path, isConfigured } = backupFolderOf(targets)
  if (!isConfigured) return ''
  const deviceOf = (each: string) =>
    stat(each)
      .then(({ dev }) => dev)
      .catch(() => null)
  const device = await deviceOf(path)
  const data = [folder.path, ...(location.engine === 'sqlite' ? [dirname(location.path)] : [])]
  const devices = await Promise.all(data.map(deviceOf))
  return device !== null && devices.includes(device)
    ? `; note: the backup folder ${path} is on the same disk as the data, copy the backups elsewhere`
    : ''
}

/** Returns why no backup can be written to the backup folder, as findings. */
export async function listFolderFindings(
  targets: Targets,
  { folder }: BackupInspection,
): Promise<readonly Finding[]> {
  if (folder.problem === null) return []
  const problem = await findFolderProblem(backupFolderOf(targets).path)
  return [
    {
      what: folder.problem,
      why: 'no backup can be written there; snailpass does not create it, because its disk may not be mounted',
      fix: problem?.hint ?? 'snailpass backup',
    },
  ]
}

/** Verifies every backup that can be found without the database, which can't be used. */
export async function checkBackupFiles(targets: Targets): Promise<Outcome> {
  const backups = []
  for (const file of listBackupPaths(targets)) backups.push(await checkBackupFile(targets, file))
  const newest = backups.find(({ problem }) => problem === null)
  const counted = formatCount(backups.length, 'backup')
  return {
    fact:
      newest === undefined
        ? `${counted}, and none that can be restored`
        : `${counted}; the newest good one is ${newest.path}, from ${describeBackup(newest)}`,
    findings: backups.flatMap(({ problem }) =>
      problem === null
        ? []
        : [
            {
              what: problem,
              why: 'it can not be restored',
              fix: 'check the disk and how the file was copied; use another backup',
            },
          ],
    ),
  }
}
