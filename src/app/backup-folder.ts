import { statSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import {
  type BackupDestination,
  destinationAt,
  listBackupFiles,
  parseBackupTime,
} from '../backup/files'
import type { BackupFolderReport } from '../domain/backup-folder'
import type { BackupState } from '../domain/backup-state'
import { ifReadable, isSystemError } from '../files/data-folder'
import { findFolderProblem } from '../files/external-folder'
import { findOtherWriters } from '../files/folder-writers'
import type { Targets } from './targets'

/** The backup folder of the settings. */
export interface BackupFolder {
  readonly path: string
  /** Whether the settings name a folder other than the default one. Only the default one is created when it is missing. */
  readonly isConfigured: boolean
  readonly dataDir: string
}

export function backupFolderOf({
  settings,
  folder,
}: Pick<Targets, 'settings' | 'folder'>): BackupFolder {
  const path = settings.backupDir ?? folder.backups
  return { path, isConfigured: path !== folder.backups, dataDir: folder.path }
}

/**
 * Returns where a backup is written: to `to` or, if that is null, to the backup folder. A backup before an operation goes to
 * the default folder if the disk of the backup folder is away, which must not prevent a restore.
 */
export async function destinationOf(
  targets: Targets,
  { to, before }: { to: string | null; before: string | null },
): Promise<BackupDestination> {
  if (to !== null) return destinationAt(to)
  const { path, isConfigured } = backupFolderOf(targets)
  const isUsable = isConfigured && (before === null || (await findFolderProblem(path)) === null)
  return isUsable
    ? { folder: path, name: null, origin: 'settings' }
    : { folder: targets.folder.backups, name: null, origin: 'default' }
}

/**
 * Returns the complete backups in the configured folder and in the default one, the newest first. A folder that can't be read
 * has none.
 */
export function listBackupPaths(
  targets: Targets,
): readonly { readonly path: string; readonly time: number }[] {
  const folders = new Set([backupFolderOf(targets).path, targets.folder.backups])
  return [...folders]
    .flatMap((folder) => ifReadable(() => listBackupFiles(folder), []))
    .filter(({ isPartial, isFile }) => isFile && !isPartial)
    .map(({ path }) => ({ path, time: parseBackupTime(basename(path)) ?? statSync(path).mtimeMs }))
    .sort((one, other) => other.time - one.time)
}

/** Inspects the backup folder, without blocking the event loop, and whether the last recorded backup still exists. */
export async function inspectBackupFolder(
  { path, isConfigured, dataDir }: BackupFolder,
  { verified }: Pick<BackupState, 'verified'>,
): Promise<BackupFolderReport> {
  const problem = await findFolderProblem(path)
  const isProblem = problem !== null && (isConfigured || !problem.isMissing)
  return {
    problem: isProblem ? `the backup folder ${path} ${problem.text}` : null,
    otherWriters: await findOtherWriters(path, dataDir),
    times: await listBackupTimes(path),
    isLastGone: verified !== null && verified.host === hostname() && (await isGone(verified.path)),
  }
}

/** Returns the times of the complete backups in a folder: only they have their final name. None if it can't be read. */
async function listBackupTimes(folder: string): Promise<readonly number[]> {
  const times: number[] = []
  for (const name of await readNames(folder)) {
    const time = parseBackupTime(basename(name))
    if (time === null || !/^snailpass-.*\.sqlite(?:\.age)?$/.test(name)) continue
    const stats = await stat(join(folder, name)).catch(() => null)
    if (stats?.isFile() === true && stats.size > 0) times.push(time)
  }
  return times
}

async function readNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isSystemError(error)) return []
    throw error
  }
}

/** Returns whether a file does not exist. One that this user may not see counts as present. */
async function isGone(path: string): Promise<boolean> {
  return await stat(path).then(
    () => false,
    (error: unknown) =>
      error instanceof Error &&
      'code' in error &&
      ['ENOENT', 'ENOTDIR'].includes(String(error.code)),
  )
}
