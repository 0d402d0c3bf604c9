import { rmSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import {
  type EncryptFor,
  encryptAndVerify,
  encryptionOf,
  requireValidRecipients,
} from '../../backup/encryption'
import {
  backupFileName,
  createBackupFile,
  destinationAt,
  isDefaultBackupName,
  listBackupFiles,
  parseBackupTime,
  withUnencryptedDraft,
} from '../../backup/files'
import { secretNames } from '../../backup/format'
import { selectExpired } from '../../backup/retention'
import { requireSpace } from '../../backup/space'
import { verifyBackup, withBackup } from '../../backup/verify'
import { type BackupMetadata, writeBackupFile } from '../../backup/write'
import type { Settings } from '../../config/settings'
import { keyFingerprint } from '../../crypto/key-fingerprint'
import { estimateBackupSize } from '../../database/content-size'
import type { Database, SnapshotDb } from '../../database/database'
import type { Progress, TableChecksum } from '../../database/table-copy'
import { createBackups } from '../../domain/backups'
import { DomainError } from '../../domain/errors'
import { version } from '../../version'
import { listSecretFiles } from '../secret-files'
import { findServerKey } from '../secret-key'
import type { Targets } from '../targets'

/** Told in words how far long work is. */
export type ProgressListener = (line: string) => void

export interface BackupOptions {
  /** A file that is to be made, or a folder; null for the folder of the settings. */
  readonly to?: string | null
  /** Who can open it, null for everybody; left out, it is as the settings say. */
  readonly encryptFor?: EncryptFor | null | undefined
  /** Whether the secret key, the keys of certificates and the secret settings go into it. */
  readonly withSecrets?: boolean
  readonly onProgress?: ProgressListener
}

/** An archive that was written and proven. */
export interface WrittenBackup {
  readonly path: string
  /** When it was begun, in milliseconds since 1970 (UTC). */
  readonly time: number
  /** Of all tables. */
  readonly rows: number
  readonly tables: readonly TableChecksum[]
  readonly isEncrypted: boolean
}

/**
 * Writes everything into an archive and proves it, beside whatever servers run, which know of it from then on: `isNoted` is
 * false where the database takes no writes at present. Throws a DomainError, and leaves no file then.
 */
export async function writeBackup(
  targets: Targets,
  options: BackupOptions = {},
): Promise<WrittenBackup & { readonly isRecorded: boolean }> {
  const written = await backUpSnapshot(targets, { ...options, before: null })
  return { ...written, isRecorded: await recordBackup(targets, written) }
}

async function recordBackup(
  { database, runtime }: Targets,
  { path, time }: WrittenBackup,
): Promise<boolean> {
  try {
    const verified = { path: resolve(path), time, host: hostname() }
    await database.withShared((store) =>
      createBackups({ store, ...runtime }).recordVerified(verified),
    )
    return true
  } catch (error) {
    // The archive is good all the same.
    if (error instanceof DomainError) return false
    throw error
  }
}

/**
 * Removes archives of the settings' folder that need not stay, and answers their paths. Those from before something was done,
 * and whatever has another name, are the operator's.
 */
export function pruneBackups({ settings, folder }: Targets): readonly string[] {
  const backups = listBackupFiles(settings.backupDir ?? folder.backups).flatMap(({ path }) => {
    const time = isDefaultBackupName(basename(path)) ? parseBackupTime(basename(path)) : null
    return time === null ? [] : [{ path, time }]
  })
  const paths = selectExpired(backups, settings.backupKeep).map(({ path }) => path)
  for (const path of paths) rmSync(path, { force: true })
  return paths
}

/** Writes an archive of everything before something is done to it, beside whatever servers run; answers its path. */
export async function backUpBefore(targets: Targets, before: string): Promise<string> {
  return (await backUpSnapshot(targets, { before })).path
}

async function backUpSnapshot(
  targets: Targets,
  options: BackupOptions & { readonly before: string | null },
): Promise<WrittenBackup> {
  const { database } = targets
  // Where there is nothing of ours this says so, before a folder is made for it.
  if ((await database.inspect()) !== 'ours') await database.withSnapshot(() => Promise.resolve())
  return await createBackupFrom(targets, options, (work) => database.withSnapshot(work))
}

/**
 * Writes an archive of what `read` lends, one state of the database of the settings. `before` says what is about to be
 * done to it.
 */
export async function createBackupFrom(
  targets: Targets,
  options: BackupOptions & { readonly before: string | null },
  read: <T>(work: (db: SnapshotDb) => Promise<T>) => Promise<T>,
): Promise<WrittenBackup> {
  const { settings, runtime, folder, database, location } = targets
  const { before, to = null, withSecrets = false, onProgress = () => {} } = options
  const encryptFor =
    options.encryptFor === undefined ? encryptionOfSettings(settings) : options.encryptFor
  requireValidRecipients(encryptFor)
  if (withSecrets && encryptFor === null) {
    throw new DomainError('invalid', 'secrets go into encrypted archives alone', {
      hint: 'say who can open it, with --encrypt-to or a passphrase, or leave --with-secrets out',
    })
  }
  const time = runtime.clock()
  const metadata: BackupMetadata = {
    version,
    engine: location.engine,
    clock: () => time,
    settings: settings.listed.map(({ name, text, source }) => ({ name, value: text, source })),
    secrets: withSecrets ? await secretsOf(targets) : null,
  }
  const destination =
    to === null ? { folder: settings.backupDir ?? folder.backups, name: null } : destinationAt(to)
  const writeVerified = async (draft: string): Promise<readonly TableChecksum[]> => {
    await read(async (db) => {
      const toWrite = await database.translateErrors(() => estimateBackupSize(db))
      requireSpace([
        { folder: destination.folder, toWrite },
        ...(encryptFor === null ? [] : [{ folder: folder.path, toWrite }]),
        ...(location.engine === 'sqlite'
          ? [{ folder: dirname(location.path), keepFree: settings.minFreeSpace }]
          : []),
      ])
      await writeBackupFile(draft, backupSourceOf(db, database, onProgress), metadata)
    })
    const { tables } = await withBackup(draft, (backup) =>
      verifyBackup(backup, rowProgress(onProgress, 'checked')),
    )
    return tables.map(({ checksum }) => checksum)
  }
  let tables: readonly TableChecksum[] = []
  const path = await createBackupFile(
    destination,
    () => backupFileName(() => time, { before, isEncrypted: encryptFor !== null }),
    runtime.wait,
    async (draft) => {
      if (encryptFor === null) {
        tables = await writeVerified(draft)
        return
      }
      await withUnencryptedDraft(folder.path, async (plain) => {
        tables = await writeVerified(plain)
        await encryptAndVerify(
          plain,
          draft,
          encryptFor,
          byteProgress(onProgress, 'encrypted and read again'),
        )
      })
    },
  )
  return { path, time, rows: countTotalRows(tables), tables, isEncrypted: encryptFor !== null }
}

/** Who can open archives, as the settings say; null for everybody. */
function encryptionOfSettings({ backupPassphrase, backupEncryptTo }: Settings): EncryptFor | null {
  if (backupPassphrase !== null) return { passphrase: backupPassphrase.reveal() }
  return backupEncryptTo.length > 0 ? { recipients: backupEncryptTo } : null
}

async function secretsOf(targets: Targets) {
  const key = findServerKey(targets)
  const keySecrets =
    key === null
      ? []
      : [
          {
            name: secretNames.key,
            value: key.toBase64({ alphabet: 'base64url', omitPadding: true }),
          },
          { name: secretNames.fingerprint, value: keyFingerprint(key) },
        ]
  const settingSecrets = targets.settings.listed.flatMap(({ name, secret }) =>
    secret === null ? [] : [{ name, value: secret.reveal() }],
  )
  const files = await listSecretFiles(targets)
  const fileSecrets = files.map(({ name, text }) => ({ name, value: text }))
  return [...keySecrets, ...settingSecrets, ...fileSecrets]
}

function backupSourceOf(db: SnapshotDb, database: Database, onProgress: ProgressListener) {
  return {
    db,
    progress: rowProgress(onProgress, 'copied'),
    translateErrors: database.translateErrors,
  }
}

export function rowProgress(onProgress: ProgressListener, done: string): Progress {
  return (table, count) => onProgress(`${table}: ${count} rows ${done}`)
}

export function byteProgress(onProgress: ProgressListener, done: string): (count: number) => void {
  return (count) => onProgress(`${Math.floor(count / 1024 ** 2)} MiB ${done}`)
}

function countTotalRows(tables: readonly TableChecksum[]): number {
  return tables.reduce((sum, table) => sum + table.rows, 0)
}

/** A file in the folder of archives. */
export interface ListedBackup {
  readonly file: string
  /** Milliseconds since 1970 (UTC). */
  readonly time: number
  /** In bytes. */
  readonly size: number
  readonly encrypted: boolean
  /** As its manifest says; null for one that cannot be read without a key. */
  readonly rows: number | null
  /** False for the rest of one that was not finished, and for one that cannot be read at all. */
  readonly complete: boolean
}

/** What lies in the folder of archives, the oldest first; no archive is verified for it. */
export async function listBackups({ settings, folder }: Targets): Promise<readonly ListedBackup[]> {
  const files = listBackupFiles(settings.backupDir ?? folder.backups)
  const listed: ListedBackup[] = []
  for (const { path, isPartial } of files) listed.push(await inspectFile(path, isPartial))
  return listed.sort((one, other) => one.time - other.time)
}

async function inspectFile(path: string, isPartial: boolean): Promise<ListedBackup> {
  const { size, mtimeMs } = statSync(path)
  const encrypted = path.includes('.sqlite.age')
  const file = { file: path, size, encrypted }
  const time = parseBackupTime(basename(path)) ?? Math.floor(mtimeMs)
  if (isPartial) return { ...file, time, rows: null, complete: false }
  try {
    if (encrypted) return { ...file, time, rows: null, complete: encryptionOf(path) !== null }
    return await withBackup(path, async ({ manifest }) => ({
      ...file,
      time: manifest.time,
      rows: countTotalRows(manifest.tables.map(({ checksum }) => checksum)),
      complete: true,
    }))
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { ...file, time, rows: null, complete: false }
  }
}
