import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { ReadableTable, TableChecksum } from '../database/table-copy'
import { tables } from '../store/tables'

/**
 * `src/backup` writes, verifies, restores and encrypts backups, and decides which old ones expire. This file is the format.
 *
 * A backup is a SQLite database with our tables under their names and columns, with flags as 0 or 1 and times in
 * milliseconds, and with tables that describe it. A change of anything below needs a new version. Older backups stay
 * readable, because each is verified by its own description.
 */
export const formatVersion = 1

/** "SNLA" in the header of the file. */
export const backupApplicationId = 0x534e4c41

/** The tables of a backup that describe it. */
export interface BackupSchema {
  /** Properties of the backup. */
  manifest: { name: ManifestName; value: string }
  /** Each table with its checksum. `columns` is JSON: an object of column kinds by name, in the order of the checksum. */
  manifest_tables: { name: string; columns: string; rows: number; sha256: string }
  /** The settings at the time of the backup, without secrets; null for an invalid value. */
  settings: { name: string; value: string | null; source: string }
  /** The secret key, its fingerprint, key files and secret settings. The table exists only if they were requested. */
  secrets: { name: string; value: string }
}

/**
 * `seal` is the checksum of the tables that describe the backup, and so of everything. `mac` signs the same checksum without
 * itself, with the secret key that `key_fingerprint` names; both are missing in a backup without a signature. Versions that know
 * no signatures read them as further properties.
 */
export type ManifestName =
  | 'format'
  | 'snailpass_version'
  | 'time'
  | 'engine'
  | 'newest_migration'
  | 'key_fingerprint'
  | 'mac'
  | 'seal'

/** Names in `secrets` besides those of settings and key files. */
export const secretNames = { key: 'secret_key', fingerprint: 'secret_key_fingerprint' } as const

const sqlTypes = { number: 'integer', text: 'text', flag: 'integer' } as const

/** Creates the tables of an empty backup. */
export async function createTables(db: Kysely<BackupSchema>, withSecrets: boolean): Promise<void> {
  const statements = [
    'create table manifest (name text primary key, value text not null)',
    'create table manifest_tables (name text primary key, columns text not null, rows integer not null, sha256 text not null)',
    'create table settings (name text primary key, value text, source text not null)',
    ...(withSecrets ? ['create table secrets (name text primary key, value text not null)'] : []),
    ...tables.map(({ name, columns }) => {
      const rest = Object.entries(columns).filter(([column]) => column !== 'seq')
      const typed = rest.map(([column, kind]) => `"${column}" ${sqlTypes[kind]}`)
      return `create table "${name}" (seq integer primary key, ${typed.join(', ')})`
    }),
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** Returns the row of `manifest_tables` for a table. */
export function describeTable({ name, columns }: ReadableTable, { rows, sha256 }: TableChecksum) {
  return { name, columns: JSON.stringify(columns), rows, sha256 }
}

/**
 * Returns the SHA-256, in hexadecimal digits, of the tables that describe the backup, without some properties: by default the
 * value of `seal`.
 */
export async function manifestChecksum(
  db: Kysely<BackupSchema>,
  hasSecrets: boolean,
  without: readonly ManifestName[] = ['seal'],
): Promise<string> {
  const hash = createHash('sha256')
  const add = (rows: readonly object[]) => {
    for (const row of rows) hash.update(`${JSON.stringify(Object.values(row))}\n`)
  }
  const manifest = db.selectFrom('manifest').select(['name', 'value']).orderBy('name')
  add(await manifest.where('name', 'not in', without).execute())
  const described = ['name', 'columns', 'rows', 'sha256'] as const
  add(await db.selectFrom('manifest_tables').select(described).orderBy('name').execute())
  const setting = ['name', 'value', 'source'] as const
  add(await db.selectFrom('settings').select(setting).orderBy('name').execute())
  if (hasSecrets) {
    // An empty table counts too.
    hash.update('secrets\n')
    add(await db.selectFrom('secrets').select(['name', 'value']).orderBy('name').execute())
  }
  return hash.digest('hex')
}

/** Returns the checksum that `mac` signs. */
export function signedChecksum(db: Kysely<BackupSchema>, hasSecrets: boolean): Promise<string> {
  return manifestChecksum(db, hasSecrets, ['seal', 'mac'])
}
