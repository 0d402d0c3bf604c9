import { existsSync } from 'node:fs'
import { Kysely, sql } from 'kysely'
import {
  type Progress,
  type ReadableTable,
  readTable,
  type TableChecksum,
} from '../database/table-copy'
import type { BackupOrigin, BackupSigner } from '../domain/backup-signer'
import { DomainError } from '../domain/errors'
import { formatCount } from '../domain/text'
import { parseJson } from '../domain/untrusted'
import { openReadOnly } from '../engine/sqlite/connection'
import { findIntegrityProblem, readSqliteHeader } from '../engine/sqlite/inspect'
import { asCallerOutside } from '../files/working-user'
import { type ColumnKind, isColumnKind } from '../store/tables'
import { damagedBackupError, notABackupError, translateBackupErrors } from './faults'
import { requireRegularFile } from './file-systems'
import {
  type BackupSchema,
  backupApplicationId,
  formatVersion,
  type ManifestName,
  manifestChecksum,
  signedChecksum,
} from './format'
import { requireTablesOfMigration } from './tables-of-migration'

/** A table of a backup, as the manifest describes it. */
export interface BackupTable extends ReadableTable {
  readonly checksum: TableChecksum
}

/** The signature of a backup, which anyone can replace together with its content, but only the owner of the key can make. */
export interface BackupSignature {
  /** Of the secret key that signed it. */
  readonly fingerprint: string
  readonly mac: string
  /** What `mac` signs. */
  readonly checksum: string
}

/** The description that each backup contains. */
export interface Manifest {
  /** Version of the snailpass that wrote it. */
  readonly version: string
  /** Milliseconds since 1970 (UTC). */
  readonly time: number
  /** Engine of the database that was backed up. */
  readonly engine: string
  /** Name of the newest migration of that database. */
  readonly migration: string
  readonly tables: readonly BackupTable[]
  readonly settings: readonly BackupSchema['settings'][]
  /** Null for a backup without secrets. */
  readonly secrets: readonly BackupSchema['secrets'][] | null
  /** Null for a backup without one, such as those of 0.1.0. */
  readonly signature: BackupSignature | null
}

/** Returns the number of rows that a backup has in all tables. */
export function countBackedUpRows({ tables }: Pick<Manifest, 'tables'>): number {
  return tables.reduce((sum, { checksum }) => sum + checksum.rows, 0)
}

/** A backup that is open for reading. */
export interface OpenedBackup {
  /** The path that messages name. The open file may be a decrypted copy of it. */
  readonly name: string
  readonly manifest: Manifest
  readonly db: Kysely<BackupSchema>
}

/**
 * Opens an unencrypted backup and reads its manifest; its tables are not verified. Throws `not_found`, and `unavailable` for
 * a file that is not a backup, is damaged, or has a newer format.
 */
export function withBackup<T>(
  path: string,
  work: (backup: OpenedBackup) => Promise<T>,
  name: string = path,
): Promise<T> {
  return translateBackupErrors(name, 'read', async () => {
    const { dialect, close } = asCallerOutside(path, () => {
      requireBackupHeader(path, name)
      return openReadOnly(path)
    })
    try {
      const db = new Kysely<BackupSchema>({ dialect })
      // One transaction, in case another program writes to the file at the same time.
      return await db.transaction().execute(async (tx) => {
        const manifest = await readManifest(name, tx)
        return await work({ name, manifest, db: tx })
      })
    } finally {
      close()
    }
  })
}

/**
 * Verifies a backup: the integrity of the SQLite file, that it has exactly the tables of its manifest, and all rows by the
 * checksums. Throws `unavailable` with the first problem.
 */
export async function verifyBackup(backup: OpenedBackup, progress: Progress): Promise<Manifest> {
  const { name: path, manifest, db } = backup
  const problem = await findIntegrityProblem(db)
  if (problem !== null) throw damagedBackupError(path, problem)
  await requireExpectedTables(backup)
  await requireTablesOfMigration(path, manifest)
  for (const table of manifest.tables) {
    const found = await readTable(db, table, { progress })
    const { rows, sha256 } = table.checksum
    if (found.rows !== rows) {
      throw damagedBackupError(
        path,
        `${table.name} has ${formatCount(found.rows, 'row')} instead of ${rows}`,
      )
    }
    if (found.sha256 !== sha256) {
      throw damagedBackupError(
        path,
        `the rows of ${table.name} differ from those that were written`,
      )
    }
  }
  return manifest
}

/** Returns what the signature tells to a machine with this signer; null for one without a secret key. */
export function originOf({ signature }: Manifest, signer: BackupSigner | null): BackupOrigin {
  if (signature === null) return 'unsigned'
  if (signer === null) return 'no-key'
  const { fingerprint, mac, checksum } = signature
  if (fingerprint !== signer.fingerprint) return 'other-key'
  return signer.verify(checksum, mac) ? 'signed-here' : 'forged'
}

/** Reads the header only: SQLite must not open a file that is not a backup, or that has a log beside it. */
function requireBackupHeader(path: string, name: string): void {
  requireRegularFile(path)
  const { isEmpty, isComplete, applicationId } = readSqliteHeader(path)
  if (isEmpty) throw damagedBackupError(name, 'it is empty')
  if (!isComplete || applicationId !== backupApplicationId) throw notABackupError(name)
  // SQLite would read rows from such a file that the backup does not have.
  const side = ['-wal', '-journal'].map((end) => path + end).find((file) => existsSync(file))
  if (side === undefined) return
  throw new DomainError('unavailable', `${name} was changed: ${side} exists`, {
    hint: 'use a backup that no program has written to; or move that file away, and check the backup with `snailpass backup verify`',
  })
}

async function readManifest(path: string, db: Kysely<BackupSchema>): Promise<Manifest> {
  if (!(await hasTable(db, 'manifest'))) throw damagedBackupError(path, 'it has no manifest')
  const lines = await db.selectFrom('manifest').select(['name', 'value']).execute()
  const values = new Map(lines.map(({ name, value }) => [name, value]))
  const requireValue = (name: ManifestName): string => {
    const value = values.get(name)
    if (typeof value === 'string') return value
    throw damagedBackupError(path, `its manifest lacks ${name}`)
  }
  const format = Number(requireValue('format'))
  // First: the rest of a newer format may mean something else.
  if (format > formatVersion) {
    const version = values.get('snailpass_version')
    const writer = version === undefined ? 'the version that wrote it' : `version ${version}`
    throw new DomainError('unavailable', `${path} has the newer format ${format}`, {
      hint: `this snailpass reads format ${formatVersion}: install ${writer} or a later one`,
    })
  }
  for (const name of ['manifest_tables', 'settings'] as const) {
    if (!(await hasTable(db, name))) throw damagedBackupError(path, `it lacks the table ${name}`)
  }
  const hasSecrets = await hasTable(db, 'secrets')
  if ((await manifestChecksum(db, hasSecrets)) !== requireValue('seal')) {
    throw damagedBackupError(path, 'its manifest differs from the one that was written')
  }
  const [fingerprint, mac] = [values.get('key_fingerprint'), values.get('mac')]
  const isSigned = fingerprint !== undefined || mac !== undefined
  const described = await db.selectFrom('manifest_tables').selectAll().orderBy(sql`rowid`).execute()
  return {
    version: requireValue('snailpass_version'),
    time: Date.parse(requireValue('time')),
    engine: requireValue('engine'),
    migration: requireValue('newest_migration'),
    tables: described.map(({ name, columns, rows, sha256 }) => ({
      name,
      columns: parseColumns(path, columns),
      checksum: { table: name, rows, sha256 },
    })),
    settings: await db.selectFrom('settings').selectAll().orderBy('name').execute(),
    secrets: hasSecrets
      ? await db.selectFrom('secrets').selectAll().orderBy('name').execute()
      : null,
    signature: isSigned
      ? {
          fingerprint: fingerprint ?? '',
          mac: mac ?? '',
          checksum: await signedChecksum(db, hasSecrets),
        }
      : null,
  }
}

async function hasTable(db: Kysely<BackupSchema>, name: keyof BackupSchema): Promise<boolean> {
  const { rows } = await sql`
    select 1 from sqlite_schema where type = 'table' and name = ${name}
  `.execute(db)
  return rows.length > 0
}

function parseColumns(path: string, text: string): Readonly<Record<string, ColumnKind>> {
  const columns = parseJson(text)
  if (typeof columns !== 'object' || columns === null || !('seq' in columns)) {
    throw damagedBackupError(path, 'its manifest describes no columns')
  }
  const entries = Object.entries(columns).map(([name, kind]: [string, unknown]) => {
    if (isColumnKind(kind)) return [name, kind] as const
    throw damagedBackupError(path, `its manifest has an unknown kind of column: ${String(kind)}`)
  })
  return Object.fromEntries(entries)
}

/** A restore would silently drop a table or column that the manifest does not describe. */
async function requireExpectedTables({ name: path, manifest, db }: OpenedBackup): Promise<void> {
  const { rows } = await sql<{ type: string; name: string }>`
    select type, name from sqlite_schema where name not like 'sqlite\\_%' escape '\\' order by name
  `.execute(db)
  const named = [
    'manifest',
    'manifest_tables',
    'settings',
    ...manifest.tables.map(({ name }) => name),
  ]
  const expected = new Set(manifest.secrets === null ? named : [...named, 'secrets'])
  for (const { type, name } of rows) {
    if (type !== 'table' || !expected.delete(name)) {
      throw damagedBackupError(path, `it has an unexpected ${type}: ${name}`)
    }
  }
  for (const name of expected) throw damagedBackupError(path, `it lacks the table ${name}`)
  for (const { name, columns } of manifest.tables) {
    const info = await sql<{ name: string }>`select name from pragma_table_info(${name})`.execute(
      db,
    )
    const found = new Set(info.rows.map((column) => column.name))
    if (found.symmetricDifference(new Set(Object.keys(columns))).size > 0) {
      throw damagedBackupError(path, `${name} has other columns than the manifest says`)
    }
  }
}
