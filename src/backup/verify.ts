import { existsSync } from 'node:fs'
import { Kysely, sql } from 'kysely'
import {
  type Progress,
  type ReadableTable,
  readTable,
  type TableChecksum,
} from '../database/table-copy'
import { DomainError } from '../domain/errors'
import { openReadOnly } from '../engine/sqlite/connection'
import { findIntegrityProblem, readSqliteHeader } from '../engine/sqlite/inspect'
import { type ColumnKind, isColumnKind } from '../store/tables'
import { damagedBackupError, notABackupError, translateBackupErrors } from './faults'
import {
  type BackupSchema,
  backupApplicationId,
  formatVersion,
  type ManifestName,
  manifestChecksum,
} from './format'

/** A table of an archive, as its manifest describes it. */
export interface BackupTable extends ReadableTable {
  readonly checksum: TableChecksum
}

/** What an archive says of itself. */
export interface Manifest {
  /** Version of the snailpass that made it. */
  readonly version: string
  /** Milliseconds since 1970 (UTC). */
  readonly time: number
  /** Of the database that it was made of. */
  readonly engine: string
  readonly migration: string
  readonly tables: readonly BackupTable[]
  readonly settings: readonly BackupSchema['settings'][]
  /** Null where it holds none. */
  readonly secrets: readonly BackupSchema['secrets'][] | null
}

/** An archive that is open to be read. */
export interface OpenedBackup {
  /** The path that messages name: what is open may be the decrypted copy of it. */
  readonly name: string
  readonly manifest: Manifest
  readonly db: Kysely<BackupSchema>
}

/**
 * Opens an archive in the plain and reads what it says of itself, without a look at the vaults. Throws `not_found`, and
 * `unavailable` for what is no archive, is damaged, or is of a newer format.
 */
export function withBackup<T>(
  path: string,
  work: (backup: OpenedBackup) => Promise<T>,
  name: string = path,
): Promise<T> {
  return translateBackupErrors(name, 'read', async () => {
    requireBackupHeader(path, name)
    const { dialect, close } = openReadOnly(path)
    try {
      const db = new Kysely<BackupSchema>({ dialect })
      // One state of it, should somebody write to it all the same.
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
 * Proves an archive: its integrity as a database, that it holds what its manifest says and nothing else, and every row
 * by the checksums. Throws `unavailable` with the first thing that is wrong.
 */
export async function verifyBackup(backup: OpenedBackup, progress: Progress): Promise<Manifest> {
  const { name: path, manifest, db } = backup
  const problem = await findIntegrityProblem(db)
  if (problem !== null) throw damagedBackupError(path, problem)
  await requireExpectedTables(backup)
  for (const table of manifest.tables) {
    const found = await readTable(db, table, { progress })
    const { rows, sha256 } = table.checksum
    if (found.rows !== rows) {
      throw damagedBackupError(
        path,
        `${table.name} has ${found.rows} rows, and should have ${rows}`,
      )
    }
    if (found.sha256 !== sha256) {
      throw damagedBackupError(path, `the rows of ${table.name} are not those that were written`)
    }
  }
  return manifest
}

/** Looks at the header alone: a stranger's file, or the log of one, is not opened. */
function requireBackupHeader(path: string, name: string): void {
  const { isEmpty, isComplete, applicationId } = readSqliteHeader(path)
  if (isEmpty) throw damagedBackupError(name, 'it is empty')
  if (!isComplete || applicationId !== backupApplicationId) throw notABackupError(name)
  // An archive is one file; with one of these beside it, SQLite would read something else.
  const side = ['-wal', '-journal'].map((end) => path + end).find((file) => existsSync(file))
  if (side === undefined) return
  throw new DomainError('unavailable', `beside the archive lies ${side}: somebody wrote to it`, {
    hint: 'take an archive that nobody has written to; or move that file away, and see whether the archive verifies',
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
  // First of all: whatever else a newer format says would not be understood.
  if (format > formatVersion) {
    throw new DomainError('unavailable', `${path} is of format ${format}, which is newer`, {
      hint: `this snailpass (${formatVersion}) is too old for it: install version ${values.get('snailpass_version') ?? 'that made it'} or a later one`,
    })
  }
  for (const name of ['manifest_tables', 'settings'] as const) {
    if (!(await hasTable(db, name))) throw damagedBackupError(path, `it lacks the table ${name}`)
  }
  const hasSecrets = await hasTable(db, 'secrets')
  if ((await manifestChecksum(db, hasSecrets)) !== requireValue('seal')) {
    throw damagedBackupError(path, 'its manifest is not the one that was written')
  }
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
  }
}

async function hasTable(db: Kysely<BackupSchema>, name: keyof BackupSchema): Promise<boolean> {
  const { rows } = await sql`
    select 1 from sqlite_schema where type = 'table' and name = ${name}
  `.execute(db)
  return rows.length > 0
}

function parseColumns(path: string, text: string): Readonly<Record<string, ColumnKind>> {
  const columns = parseJsonOrNull(text)
  if (typeof columns !== 'object' || columns === null || !('seq' in columns)) {
    throw damagedBackupError(path, 'its manifest describes no columns')
  }
  const entries = Object.entries(columns).map(([name, kind]: [string, unknown]) => {
    if (isColumnKind(kind)) return [name, kind] as const
    throw damagedBackupError(
      path,
      `its manifest knows a kind of column that is none: ${String(kind)}`,
    )
  })
  return Object.fromEntries(entries)
}

/** Null for what is no JSON. */
function parseJsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Nothing may be there that the manifest does not tell of: it would be lost unseen. */
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
      throw damagedBackupError(path, `it has a ${type} that it should not have: ${name}`)
    }
  }
  for (const name of expected) throw damagedBackupError(path, `it lacks the table ${name}`)
  for (const { name, columns } of manifest.tables) {
    const info = await sql<{ name: string }>`select name from pragma_table_info(${name})`.execute(
      db,
    )
    const found = new Set(info.rows.map((column) => column.name))
    if (found.symmetricDifference(new Set(Object.keys(columns))).size > 0) {
      throw damagedBackupError(path, `${name} has other columns than it should have`)
    }
  }
}
