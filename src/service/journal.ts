import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DomainError } from '../domain/errors'
import type { Layout } from './paths'

/**
 * What an upgrade has come to. `trying`: the new version is not proven yet, and what comes next is to go back.
 * `proven`: it was ready once, and what comes next is to go on. `reverting`: it failed all the same.
 */
type Phase = 'trying' | 'proven' | 'reverting'

/** What going back needs to know, on the disk before it could be needed. */
export interface Journal {
  readonly phase: Phase
  readonly oldVersion: string
  readonly newVersion: string
  /** The archive from before, as the settings have it made; null where there was no database. */
  readonly archive: string | null
  /** Names of the migrations that the new version was going to run. */
  readonly pending: readonly string[]
  readonly engine: 'sqlite' | 'postgres'
  /**
   * Where the copy of the database from before the migration goes, null where none is needed: of a SQLite file, or an
   * archive in the plain of a Postgres database, which the old version can restore without anybody's key.
   */
  readonly copy: string | null
  /** Whether the tables of a Postgres database may have been dropped, to be filled from the copy. */
  readonly isCleared: boolean
  /** Whether the service ran before. */
  readonly wasRunning: boolean
  /** The unit as it was; null where there was none. */
  readonly unit: string | null
}

/** The files of an upgrade under way. */
export function stagingPathsOf({ stagingDir }: Layout) {
  return {
    folder: stagingDir,
    journal: join(stagingDir, 'upgrade.json'),
    newExecutable: join(stagingDir, 'snailpass.new'),
    oldExecutable: join(stagingDir, 'snailpass.old'),
  }
}

/** The journal of an upgrade that was not ended, null when there is none. Throws `unavailable` for a strange file. */
export function findJournal(layout: Layout): Journal | null {
  const { journal } = stagingPathsOf(layout)
  if (!existsSync(journal)) return null
  const found = parseJsonOrNull(readFileSync(journal, 'utf8'))
  if (isJournal(found)) return found
  throw new DomainError('unavailable', `${journal} is not a journal of an upgrade`, {
    hint: 'a newer snailpass may have written it: run the installer of that version',
  })
}

/** Whole or not at all, and on the disk before it returns. */
export function writeJournal(layout: Layout, journal: Journal): void {
  const { folder, journal: path } = stagingPathsOf(layout)
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${path}.new`, JSON.stringify(journal), { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
}

/** Ends an upgrade: the journal first, for without it the rest is litter. */
export function removeStagingDir(layout: Layout): void {
  const { folder, journal } = stagingPathsOf(layout)
  rmSync(journal, { force: true })
  rmSync(folder, { recursive: true, force: true })
}

function parseJsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function isJournal(value: unknown): value is Journal {
  if (typeof value !== 'object' || value === null) return false
  const {
    phase,
    oldVersion,
    newVersion,
    archive,
    pending,
    engine,
    copy,
    isCleared,
    wasRunning,
    unit,
  } = value as Partial<Record<keyof Journal, unknown>>
  const isTextOrNull = (text: unknown) => text === null || typeof text === 'string'
  return (
    (phase === 'trying' || phase === 'proven' || phase === 'reverting') &&
    (engine === 'sqlite' || engine === 'postgres') &&
    typeof oldVersion === 'string' &&
    typeof newVersion === 'string' &&
    typeof wasRunning === 'boolean' &&
    typeof isCleared === 'boolean' &&
    Array.isArray(pending) &&
    pending.every((name) => typeof name === 'string') &&
    [archive, copy, unit].every(isTextOrNull)
  )
}
