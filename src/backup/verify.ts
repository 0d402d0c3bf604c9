import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import { complaintOf, openSealed } from '../engine/sqlite'
import { type ColumnKind, isColumnKind } from '../store/tables'
import { eachPage, type Progress, type ReadTable, type TableSum } from '../store/transfer'
import { damaged, explained, notAnArchive } from './faults'
import { type ArchiveSchema, archiveId, formatVersion, type ManifestName, sealOf } from './format'

/** A table of an archive, as its manifest describes it. */
export interface ArchivedTable extends ReadTable {
  readonly sum: TableSum
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
  readonly tables: readonly ArchivedTable[]
  readonly settings: readonly ArchiveSchema['settings'][]
  /** Null where it holds none. */
  readonly secrets: readonly ArchiveSchema['secrets'][] | null
}

/** An archive that is open to be read. */
export interface OpenedArchive {
  /** The path that messages name: what is open may be the decrypted copy of it. */
  readonly name: string
  readonly manifest: Manifest
  readonly db: Kysely<ArchiveSchema>
}

/**
 * Opens an archive in the plain and reads what it says of itself, without a look at the vaults. Throws `not_found`, and
 * `unavailable` for what is no archive, is damaged, or is of a newer format.
 */
export function withArchive<T>(
  path: string,
  work: (archive: OpenedArchive) => Promise<T>,
  name: string = path,
): Promise<T> {
  return explained(name, 'read', async () => {
    requireArchive(path, name)
    const { dialect, close } = openSealed(path)
    try {
      const db = new Kysely<ArchiveSchema>({ dialect })
      // One state of it, should somebody write to it all the same.
      return await db.transaction().execute(async (scope) => {
        const manifest = await readManifest(name, scope)
        return await work({ name, manifest, db: scope })
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
export async function verify(archive: OpenedArchive, progress: Progress): Promise<Manifest> {
  const { name: path, manifest, db } = archive
  const complaint = await complaintOf(db)
  if (complaint !== null) throw damaged(path, complaint)
  await requireSameObjects(archive)
  for (const table of manifest.tables) {
    const found = await eachPage(db, table, { progress }, () => Promise.resolve())
    const { rows, sha256 } = table.sum
    if (found.rows !== rows) {
      throw damaged(path, `${table.name} has ${found.rows} rows, and should have ${rows}`)
    }
    if (found.sha256 !== sha256) {
      throw damaged(path, `the rows of ${table.name} are not those that were written`)
    }
  }
  return manifest
}

/** Looks at the header alone: a stranger's file, or the log of one, is not opened. */
function requireArchive(path: string, name: string): void {
  const header = new Uint8Array(100)
  const descriptor = openSync(path, 'r')
  const length = readSync(descriptor, header, 0, header.length, 0)
  closeSync(descriptor)
  if (length === 0) throw damaged(name, 'it is empty')
  const magic = new TextDecoder('latin1').decode(header.subarray(0, 16))
  const id = new DataView(header.buffer).getUint32(68)
  if (magic !== 'SQLite format 3\0' || length < header.length || id !== archiveId) {
    throw notAnArchive(name)
  }
  // An archive is one file; with one of these beside it, SQLite would read something else.
  const side = ['-wal', '-journal'].map((end) => path + end).find((file) => existsSync(file))
  if (side === undefined) return
  throw new DomainError('unavailable', `beside the archive lies ${side}: somebody wrote to it`, {
    hint: 'take an archive that nobody has written to; or move that file away, and see whether the archive verifies',
  })
}

async function readManifest(path: string, db: Kysely<ArchiveSchema>): Promise<Manifest> {
  if (!(await hasTable(db, 'manifest'))) throw damaged(path, 'it has no manifest')
  const lines = await db.selectFrom('manifest').select(['name', 'value']).execute()
  const said = new Map(lines.map(({ name, value }) => [name, value]))
  const line = (name: ManifestName): string => {
    const value = said.get(name)
    if (typeof value === 'string') return value
    throw damaged(path, `its manifest lacks ${name}`)
  }
  const format = Number(line('format'))
  // First of all: whatever else a newer format says would not be understood.
  if (format > formatVersion) {
    throw new DomainError('unavailable', `${path} is of format ${format}, which is newer`, {
      hint: `this snailpass (${formatVersion}) is too old for it: install version ${said.get('snailpass_version') ?? 'that made it'} or a later one`,
    })
  }
  for (const name of ['manifest_tables', 'settings'] as const) {
    if (!(await hasTable(db, name))) throw damaged(path, `it lacks the table ${name}`)
  }
  const hasSecrets = await hasTable(db, 'secrets')
  if ((await sealOf(db, hasSecrets)) !== line('seal')) {
    throw damaged(path, 'its manifest is not the one that was written')
  }
  const described = await db.selectFrom('manifest_tables').selectAll().orderBy(sql`rowid`).execute()
  return {
    version: line('snailpass_version'),
    time: Date.parse(line('time')),
    engine: line('engine'),
    migration: line('newest_migration'),
    tables: described.map(({ name, columns, rows, sha256 }) => ({
      name,
      columns: parseColumns(path, columns),
      sum: { table: name, rows, sha256 },
    })),
    settings: await db.selectFrom('settings').selectAll().orderBy('name').execute(),
    secrets: hasSecrets
      ? await db.selectFrom('secrets').selectAll().orderBy('name').execute()
      : null,
  }
}

async function hasTable(db: Kysely<ArchiveSchema>, name: keyof ArchiveSchema): Promise<boolean> {
  const { rows } = await sql`
    select 1 from sqlite_schema where type = 'table' and name = ${name}
  `.execute(db)
  return rows.length > 0
}

function parseColumns(path: string, text: string): Readonly<Record<string, ColumnKind>> {
  const columns = parsed(text)
  if (typeof columns !== 'object' || columns === null || !('seq' in columns)) {
    throw damaged(path, 'its manifest describes no columns')
  }
  const entries = Object.entries(columns).map(([name, kind]: [string, unknown]) => {
    if (isColumnKind(kind)) return [name, kind] as const
    throw damaged(path, `its manifest knows a kind of column that is none: ${String(kind)}`)
  })
  return Object.fromEntries(entries)
}

/** Null for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Nothing may be there that the manifest does not tell of: it would be lost unseen. */
async function requireSameObjects({ name: path, manifest, db }: OpenedArchive): Promise<void> {
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
      throw damaged(path, `it has a ${type} that it should not have: ${name}`)
    }
  }
  for (const name of expected) throw damaged(path, `it lacks the table ${name}`)
  for (const { name, columns } of manifest.tables) {
    const info = await sql<{ name: string }>`select name from pragma_table_info(${name})`.execute(
      db,
    )
    const found = new Set(info.rows.map((column) => column.name))
    if (found.symmetricDifference(new Set(Object.keys(columns))).size > 0) {
      throw damaged(path, `${name} has other columns than it should have`)
    }
  }
}
