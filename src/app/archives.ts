import { rmSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import { encryptAndProve, type Lock, lockOf, requireLock } from '../backup/encryption'
import {
  archiveFileName,
  isOfSchedule,
  listFiles,
  makeWhole,
  placeAt,
  timeOfName,
  withPlainDraft,
} from '../backup/files'
import { secretNames } from '../backup/format'
import { expired } from '../backup/retention'
import { requireSpace } from '../backup/space'
import { verify, withArchive } from '../backup/verify'
import { type ArchiveNotes, writeArchive } from '../backup/write'
import type { Settings } from '../config/settings'
import { keyFingerprint } from '../crypto/key-fingerprint'
import { createBackups } from '../domain/backups'
import { DomainError } from '../domain/errors'
import { contentSize } from '../store/content-size'
import type { DataFolder } from '../store/data-folder'
import type { Database, Stored } from '../store/database'
import { findSecretKey } from '../store/secret-key-file'
import type { Progress, TableSum } from '../store/transfer'
import { version } from '../version'
import { placesOf } from './database'
import { keyOfSettings } from './secret-key'
import { secretFilesOf } from './secrets'
import type { World } from './world'

/** Told in words how far long work is. */
export type Show = (line: string) => void

export interface BackupOptions {
  /** A file that is to be made, or a folder; null for the folder of the settings. */
  readonly to?: string | null
  /** Who can open it, null for everybody; left out, it is as the settings say. */
  readonly lock?: Lock | null | undefined
  /** Whether the secret key, the keys of certificates and the secret settings go into it. */
  readonly withSecrets?: boolean
  readonly show?: Show
}

/** An archive that was written and proven. */
export interface WrittenArchive {
  readonly path: string
  /** When it was begun, in milliseconds since 1970 (UTC). */
  readonly time: number
  /** Of all tables. */
  readonly rows: number
  readonly tables: readonly TableSum[]
  readonly isEncrypted: boolean
}

/**
 * Writes everything into an archive and proves it, beside whatever servers run, which know of it from then on: `isNoted` is
 * false where the database takes no writes at present. Throws a DomainError, and leaves no file then.
 */
export async function writeBackup(
  settings: Settings,
  world: World,
  options: BackupOptions = {},
): Promise<WrittenArchive & { readonly isNoted: boolean }> {
  const written = await archiveBeside(settings, world, { ...options, before: null })
  return { ...written, isNoted: await note(settings, world, written) }
}

async function note(settings: Settings, world: World, written: WrittenArchive): Promise<boolean> {
  const { path, time } = written
  try {
    const verified = { path: resolve(path), time, host: hostname() }
    const { database } = placesOf(settings, world)
    await database.beside((store) => createBackups({ store, ...world }).recordVerified(verified))
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
export function pruneArchives(settings: Settings, world: World): readonly string[] {
  const { folder } = placesOf(settings, world)
  const archives = listFiles(settings.backupDir ?? folder.backups).flatMap(({ path }) => {
    const time = isOfSchedule(basename(path)) ? timeOfName(basename(path)) : null
    return time === null ? [] : [{ path, time }]
  })
  const paths = expired(archives, settings.backupKeep).map(({ path }) => path)
  for (const path of paths) rmSync(path, { force: true })
  return paths
}

/** Writes an archive of everything before something is done to it, beside whatever servers run; answers its path. */
export async function takeSafetyArchive(
  settings: Settings,
  world: World,
  before: string,
): Promise<string> {
  return (await archiveBeside(settings, world, { before })).path
}

async function archiveBeside(
  settings: Settings,
  world: World,
  options: BackupOptions & { readonly before: string | null },
): Promise<WrittenArchive> {
  const { database } = placesOf(settings, world)
  // Where there is nothing of ours this says so, before a folder is made for it.
  if ((await database.look()) !== 'ours') await database.snapshot(() => Promise.resolve())
  return await archiveOf(settings, world, options, (work) => database.snapshot(work))
}

/**
 * Writes an archive of what `read` lends, one state of the database of the settings. `before` says what is about to be
 * done to it.
 */
export async function archiveOf(
  settings: Settings,
  world: World,
  options: BackupOptions & { readonly before: string | null },
  read: <T>(work: (db: Stored) => Promise<T>) => Promise<T>,
): Promise<WrittenArchive> {
  const { folder, database, location } = placesOf(settings, world)
  const { before, to = null, withSecrets = false, show = () => {} } = options
  const lock = options.lock === undefined ? lockOfSettings(settings) : options.lock
  requireLock(lock)
  if (withSecrets && lock === null) {
    throw new DomainError('invalid', 'secrets go into encrypted archives alone', {
      hint: 'say who can open it, with --encrypt-to or a passphrase, or leave --with-secrets out',
    })
  }
  const time = world.clock()
  const notes: ArchiveNotes = {
    version,
    engine: location.engine,
    clock: () => time,
    settings: settings.listed.map(({ name, text, source }) => ({ name, value: text, source })),
    secrets: withSecrets ? await secretsOf(settings, folder, world) : null,
  }
  const place =
    to === null ? { folder: settings.backupDir ?? folder.backups, name: null } : placeAt(to)
  const writeProven = async (draft: string): Promise<readonly TableSum[]> => {
    await read(async (db) => {
      const written = await database.explained(() => contentSize(db))
      requireSpace([
        { folder: place.folder, written },
        ...(lock === null ? [] : [{ folder: folder.path, written }]),
        ...(location.engine === 'sqlite'
          ? [{ folder: dirname(location.path), left: settings.minFreeSpace }]
          : []),
      ])
      await writeArchive(draft, sourceOf(db, database, show), notes)
    })
    const { tables } = await withArchive(draft, (archive) => verify(archive, rows(show, 'checked')))
    return tables.map(({ sum }) => sum)
  }
  let tables: readonly TableSum[] = []
  const path = await makeWhole(
    place,
    () => archiveFileName(() => time, { before, isEncrypted: lock !== null }),
    world.wait,
    async (draft) => {
      if (lock === null) {
        tables = await writeProven(draft)
        return
      }
      await withPlainDraft(folder.path, async (plain) => {
        tables = await writeProven(plain)
        await encryptAndProve(plain, draft, lock, bytes(show, 'encrypted and read again'))
      })
    },
  )
  return { path, time, rows: sumOf(tables), tables, isEncrypted: lock !== null }
}

/** Who can open archives, as the settings say; null for everybody. */
function lockOfSettings({ backupPassphrase, backupEncryptTo }: Settings): Lock | null {
  if (backupPassphrase !== null) return { passphrase: backupPassphrase.reveal() }
  return backupEncryptTo.length > 0 ? { recipients: backupEncryptTo } : null
}

async function secretsOf(settings: Settings, folder: DataFolder, { wait }: World) {
  const key = keyOfSettings(settings) ?? findSecretKey(folder)
  const ofKey =
    key === null
      ? []
      : [
          {
            name: secretNames.key,
            value: key.toBase64({ alphabet: 'base64url', omitPadding: true }),
          },
          { name: secretNames.fingerprint, value: keyFingerprint(key) },
        ]
  const ofSettings = settings.listed.flatMap(({ name, secret }) =>
    secret === null ? [] : [{ name, value: secret.reveal() }],
  )
  const files = await secretFilesOf(folder, wait)
  const ofFiles = files.map(({ name, text }) => ({ name, value: text }))
  return [...ofKey, ...ofSettings, ...ofFiles]
}

function sourceOf(db: Stored, database: Database, show: Show) {
  return { db, progress: rows(show, 'copied'), explained: database.explained }
}

export function rows(show: Show, done: string): Progress {
  return (table, count) => show(`${table}: ${count} rows ${done}`)
}

export function bytes(show: Show, done: string): (count: number) => void {
  return (count) => show(`${Math.floor(count / 1024 ** 2)} MiB ${done}`)
}

function sumOf(tables: readonly TableSum[]): number {
  return tables.reduce((sum, table) => sum + table.rows, 0)
}

/** A file in the folder of archives. */
export interface ListedArchive {
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
export async function listArchives(
  settings: Settings,
  world: World,
): Promise<readonly ListedArchive[]> {
  const { folder } = placesOf(settings, world)
  const files = listFiles(settings.backupDir ?? folder.backups)
  const listed: ListedArchive[] = []
  for (const { path, isPartial } of files) listed.push(await glanceAt(path, isPartial))
  return listed.sort((one, other) => one.time - other.time)
}

async function glanceAt(path: string, isPartial: boolean): Promise<ListedArchive> {
  const { size, mtimeMs } = statSync(path)
  const encrypted = path.includes('.sqlite.age')
  const file = { file: path, size, encrypted }
  const time = timeOfName(basename(path)) ?? Math.floor(mtimeMs)
  if (isPartial) return { ...file, time, rows: null, complete: false }
  try {
    if (encrypted) return { ...file, time, rows: null, complete: lockOf(path) !== null }
    return await withArchive(path, async ({ manifest }) => ({
      ...file,
      time: manifest.time,
      rows: sumOf(manifest.tables.map(({ sum }) => sum)),
      complete: true,
    }))
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { ...file, time, rows: null, complete: false }
  }
}
