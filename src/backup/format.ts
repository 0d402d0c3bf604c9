import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { ReadableTable, TableChecksum } from '../database/table-copy'
import { tables } from '../store/tables'

/**
 * An archive is a SQLite database: our tables under their names and columns, with flags as 0 or 1 and times in
 * milliseconds, and tables that tell of it. Whoever changes what is below raises the version; an older one stays
 * readable, for verification goes by what the archive says of itself.
 */
export const formatVersion = 1

/** "SNLA" in the header of the file. */
export const backupApplicationId = 0x534e4c41

/** The tables of an archive that are not the vaults'. */
export interface BackupSchema {
  /** What the archive is, name by name. */
  manifest: { name: ManifestName; value: string }
  /** What each table holds: `columns` is JSON, an object of kinds by names in the order of the checksum. */
  manifest_tables: { name: string; columns: string; rows: number; sha256: string }
  /** The settings in force when it was made, secrets hidden; null for what was wrong. */
  settings: { name: string; value: string | null; source: string }
  /** The secret key, its fingerprint, and the settings that are secret; there only when it was asked for. */
  secrets: { name: string; value: string }
}

/** `seal` is a checksum of the tables that tell of the archive; the others say what the archive is. */
export type ManifestName =
  | 'format'
  | 'snailpass_version'
  | 'time'
  | 'engine'
  | 'newest_migration'
  | 'seal'

/** Names in `secrets` that are no settings. */
export const secretNames = { key: 'secret_key', fingerprint: 'secret_key_fingerprint' } as const

const sqlTypes = { number: 'integer', text: 'text', flag: 'integer' } as const

/** Makes the tables of an empty archive. */
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

/** A line of the manifest's tables. */
export function describeTable({ name, columns }: ReadableTable, sum: TableChecksum) {
  return { name, columns: JSON.stringify(columns), rows: sum.rows, sha256: sum.sha256 }
}

/** SHA-256 of everything that tells of the archive, in hexadecimal digits: by it a change there is seen. */
export async function manifestChecksum(
  db: Kysely<BackupSchema>,
  hasSecrets: boolean,
): Promise<string> {
  const hash = createHash('sha256')
  const add = (rows: readonly object[]) => {
    for (const row of rows) hash.update(`${JSON.stringify(Object.values(row))}\n`)
  }
  const manifest = db.selectFrom('manifest').select(['name', 'value']).orderBy('name')
  add(await manifest.where('name', '<>', 'seal').execute())
  const described = ['name', 'columns', 'rows', 'sha256'] as const
  add(await db.selectFrom('manifest_tables').select(described).orderBy('name').execute())
  const setting = ['name', 'value', 'source'] as const
  add(await db.selectFrom('settings').select(setting).orderBy('name').execute())
  if (hasSecrets) {
    // So that an empty table is seen too.
    hash.update('secrets\n')
    add(await db.selectFrom('secrets').select(['name', 'value']).orderBy('name').execute())
  }
  return hash.digest('hex')
}
