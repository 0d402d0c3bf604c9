/**
 * Operations: what an operator can do, one task per file; a command calls one and prints the result. An operation takes the
 * targets that it works on, throws a DomainError with a hint, and leaves nothing half done. This file has the backups.
 */
import { statSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import {
  type EncryptFor,
  encryptAndVerify,
  encryptionOf,
  requirePossibleEncryption,
} from '../../backup/encryption'
import { translateBackupErrors } from '../../backup/faults'
import {
  type BackupDestination,
  backupFileName,
  createBackupFile,
  isDefaultBackupName,
  listBackupFiles,
  parseBackupTime,
  withUnencryptedDraft,
} from '../../backup/files'
import { selectExpired } from '../../backup/retention'
import { requireSpace } from '../../backup/space'
import { countBackedUpRows, verifyBackup, withBackup } from '../../backup/verify'
import { writeBackupFile } from '../../backup/write'
import type { Settings } from '../../config/settings'
import { estimateBackupSize } from '../../database/content-size'
import type { SnapshotDb } from '../../database/database'
import type { TableChecksum } from '../../database/table-copy'
import { createBackups } from '../../domain/backups'
import { DomainError } from '../../domain/errors'
import { findOtherWriters } from '../../files/folder-writers'
import { removeFile } from '../../files/open-elsewhere'
import { findKeyFingerprint } from '../../store/key-fingerprint'
import { requireEnterable } from '../access'
import { backupFolderOf, destinationOf, inspectBackupFolder } from '../backup-folder'
import { readClockWatch } from '../clock'
import { asCallerOutside, type Targets } from '../targets'
import { collectMetadata } from './backup-metadata'
import { countForStep, type ProgressListener, startRowStep, startStep } from './progress'

export interface BackupOptions {
  /** A file to create, or a folder to create it in; null for the backup folder of the settings. */
  readonly to?: string | null
  /** Null for no encryption; undefined for that of the settings. */
  readonly encryptFor?: EncryptFor | null | undefined
  /** Whether to include the secret key, the keys of certificates and the secret settings. */
  readonly withSecrets?: boolean
  readonly onProgress?: ProgressListener | null
}

/** A backup that was written and verified. */
export interface WrittenBackup {
  readonly path: string
  /** When it was started, in milliseconds since 1970 (UTC). */
  readonly time: number
  readonly tables: readonly TableChecksum[]
  readonly isEncrypted: boolean
}

/**
 * Backs up everything and verifies the backup, while servers run. Records it in the database, where servers and `doctor`
 * look; `isRecorded` is false if the database accepts no writes now. `otherWriters` says which other users can change it.
 * Throws a DomainError and leaves no file.
 */
export async function writeBackup(
  targets: Targets,
  options: BackupOptions = {},
): Promise<WrittenBackup & { readonly isRecorded: boolean; readonly otherWriters: string | null }> {
  const written = await backUpSnapshot(targets, { ...options, before: null })
  return {
    ...written,
    isRecorded: await recordBackup(targets, written),
    otherWriters: await findOtherWriters(dirname(written.path), targets.folder.path),
  }
}

async function recordBackup(
  { database, runtime }: Targets,
  { path, time }: WrittenBackup,
): Promise<boolean> {
  try {
    const bytes = asCallerOutside(path, () => statSync(path, { throwIfNoEntry: false })?.size)
    const verified = {
      ...{ path: resolve(path), time, host: hostname() },
      ...(bytes !== undefined && { bytes }),
    }
    await database.withShared((store) =>
      createBackups({ store, ...runtime }).recordVerified(verified),
    )
    return true
  } catch (error) {
    // The backup is valid even if it is not recorded.
    if (error instanceof DomainError) return false
    throw error
  }
}

/**
 * Deletes the backups in the backup folder that SNAILPASS_BACKUP_KEEP does not keep, and returns their paths. Backups
 * that a command took before an operation, and files with other names, stay. While the clock is implausible, all stay:
 * `kept` says why.
 */
export async function pruneBackups(
  targets: Targets,
): Promise<{ readonly removed: readonly string[]; readonly kept: string | null }> {
  const { database, runtime } = targets
  const clockWatch = await database.withSnapshot((db) => readClockWatch(db, runtime))
  const limit = clockWatch.ageLimit(0)
  if (limit === null) return { removed: [], kept: clockWatch.problem()?.detail ?? null }
  const { path: folder } = backupFolderOf(targets)
  return await translateBackupErrors(folder, 'written', async () => {
    const backups = listBackupFiles(folder).flatMap(({ path, isFile }) => {
      const time = isDefaultBackupName(basename(path)) ? parseBackupTime(basename(path)) : null
      return time === null || !isFile ? [] : [{ path, time }]
    })
    const expired = selectExpired(backups, targets.settings.backupKeep, limit.now)
    const removed = expired.map(({ path }) => path)
    for (const path of removed) removeFile(path)
    return { removed, kept: null }
  })
}

/** Backs up everything before an operation, while servers run. The operation is a part of the file name. Returns the path. */
export async function backUpBefore(targets: Targets, operation: string): Promise<string> {
  return (await backUpSnapshot(targets, { before: operation })).path
}

/** Options of a backup, and the operation that it is taken before; null if there is none. */
type BackupRequest = BackupOptions & { readonly before: string | null }

async function backUpSnapshot(targets: Targets, request: BackupRequest): Promise<WrittenBackup> {
  const { database } = targets
  // Throws before a backup folder is created, if the database can't be backed up.
  if ((await database.inspect()) !== 'ours') await database.withSnapshot(() => Promise.resolve())
  return await createBackupFrom(targets, request, (work) => database.withSnapshot(work))
}

/** Calls `work` with a snapshot of the database. */
type ReadSnapshot = <T>(work: (db: SnapshotDb) => Promise<T>) => Promise<T>

/** Backs up the snapshot of the targets' database that `read` provides. Throws a DomainError. */
export async function createBackupFrom(
  targets: Targets,
  request: BackupRequest,
  read: ReadSnapshot,
): Promise<WrittenBackup> {
  const { settings, runtime, folder } = targets
  const { before, to = null, withSecrets = false, onProgress = null } = request
  const encryptFor =
    request.encryptFor === undefined ? encryptionOfSettings(settings) : request.encryptFor
  requirePossibleEncryption(encryptFor)
  if (withSecrets && encryptFor === null) {
    throw new DomainError('invalid', '--with-secrets requires encryption', {
      hint: 'use --encrypt-to or --passphrase, or leave out --with-secrets',
    })
  }
  const isEncrypted = encryptFor !== null
  const time = runtime.clock()
  const readFingerprint = () => read(findKeyFingerprint)
  const metadata = await collectMetadata(targets, { time, withSecrets, readFingerprint })
  const destination = await destinationOf(targets, { to, before })

  const { monotonicClock: clock } = runtime
  const writeVerified = async (draft: string): Promise<readonly TableChecksum[]> => {
    let rows = 0
    await read(async (db) => {
      await requireSpaceFor(targets, { db, destination, isEncrypted })
      const { translateErrors } = targets.database
      rows = await translateErrors(() => countForStep(db, onProgress))
      const progress = startRowStep({ name: 'copying', total: rows, onProgress, clock })
      const source = { db, progress, translateErrors }
      await writeBackupFile(draft, source, metadata)
    })
    const { tables } = await withBackup(draft, (backup) =>
      verifyBackup(backup, startRowStep({ name: 'verifying', total: rows, onProgress, clock })),
    )
    return tables.map(({ checksum }) => checksum)
  }

  let tables: readonly TableChecksum[] = []
  const path = await createBackupFile(
    {
      destination,
      defaultName: () => backupFileName(() => time, { before, isEncrypted }),
      wait: runtime.wait,
    },
    async (draft) => {
      if (encryptFor === null) {
        tables = await writeVerified(draft)
        return
      }
      await withUnencryptedDraft(folder.path, async (plain) => {
        tables = await writeVerified(plain)
        await encryptAndVerify({
          plain,
          target: draft,
          encryptFor,
          startStep: (name) => startStep({ name, total: statSync(plain).size, onProgress, clock }),
        })
      })
    },
  )
  return { path, time, tables, isEncrypted }
}

/** Returns who can decrypt backups, according to the settings; null for no encryption. */
function encryptionOfSettings({ backupPassphrase, backupEncryptTo }: Settings): EncryptFor | null {
  if (backupPassphrase !== null) return { passphrase: backupPassphrase.reveal() }
  return backupEncryptTo.length > 0 ? { recipients: backupEncryptTo } : null
}

/** Throws `storage_full` unless there is space for a backup, its unencrypted draft and what servers write in that time. */
async function requireSpaceFor(
  { settings, folder, database, location }: Targets,
  options: { db: SnapshotDb; destination: BackupDestination; isEncrypted: boolean },
): Promise<void> {
  const { db, destination, isEncrypted } = options
  const toWrite = await database.translateErrors(() => estimateBackupSize(db))
  requireSpace([
    { folder: destination.folder, toWrite },
    ...(isEncrypted ? [{ folder: folder.path, toWrite }] : []),
    ...(location.engine === 'sqlite'
      ? [{ folder: dirname(location.path), keepFree: settings.minFreeSpace }]
      : []),
  ])
}

/** A file in the backup folder. */
export interface ListedBackup {
  readonly file: string
  /** Milliseconds since 1970 (UTC). */
  readonly time: number
  /** Bytes. */
  readonly size: number
  readonly encrypted: boolean
  /** As the manifest says; null for a file that can't be read without a key. */
  readonly rows: number | null
  /** False for a file that was not finished or that can't be read. */
  readonly complete: boolean
}

/** Returns what prevents backups in the backup folder; null for nothing. */
export async function findBackupFolderProblem(targets: Targets): Promise<string | null> {
  return (await inspectBackupFolder(backupFolderOf(targets), { verified: null })).problem
}

/** Returns the backups in the backup folder, the oldest first. Does not verify them. */
export async function listBackups(targets: Targets): Promise<readonly ListedBackup[]> {
  const { path: folder } = backupFolderOf(targets)
  requireEnterable(folder)
  const files = await translateBackupErrors(folder, 'read', async () => listBackupFiles(folder))
  const listed: ListedBackup[] = []
  for (const file of files) listed.push(await inspectFile(file))
  return listed.sort((one, other) => one.time - other.time)
}

async function inspectFile({
  path,
  isPartial,
  isFile,
}: ReturnType<typeof listBackupFiles>[number]): Promise<ListedBackup> {
  const { size, mtimeMs } = isFile ? statSync(path) : { size: 0, mtimeMs: 0 }
  const encrypted = path.includes('.sqlite.age')
  const file = { file: path, size, encrypted }
  const time = parseBackupTime(basename(path)) ?? Math.floor(mtimeMs)
  if (isPartial || !isFile) return { ...file, time, rows: null, complete: false }
  try {
    if (encrypted) return { ...file, time, rows: null, complete: encryptionOf(path) !== null }
    return await withBackup(path, async ({ manifest }) => ({
      ...file,
      time: manifest.time,
      rows: countBackedUpRows(manifest),
      complete: true,
    }))
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { ...file, time, rows: null, complete: false }
  }
}
