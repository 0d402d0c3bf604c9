import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DomainError } from '../domain/errors'
import { ownProperty, parseJson } from '../domain/untrusted'
import { removeDurably, writeAtomic } from '../files/atomic-file'
import type { Layout } from './paths'

/**
 * How far an upgrade has come. `trying`: the new version has not passed its smoke test; a failure or an interruption
 * leads to a rollback. `proven`: it has passed; from here on the upgrade is only ever completed, because clients may
 * have written to the new version. `reverting`: a rollback has started.
 */
type Phase = 'trying' | 'proven' | 'reverting'

/** What a rollback needs to know. It is on disk before anything is changed. */
export interface Journal {
  readonly phase: Phase
  readonly oldVersion: string
  readonly newVersion: string
  /** Path of the backup that the old version made, as its settings say; null if there was no database. */
  readonly backup: string | null
  /** Names of the migrations that the new version will run. */
  readonly pending: readonly string[]
  readonly engine: 'sqlite' | 'postgres'
  /**
   * Path of the copy of the database from before the migration; null if there is nothing to migrate. For SQLite the copy
   * is a database file. For Postgres it is an unencrypted backup, which the old version restores without a key.
   */
  readonly copy: string | null
  /** Whether the tables of a Postgres database may have been dropped, so that they must be restored from the copy. */
  readonly isCleared: boolean
  /** Whether the service was running before the upgrade. */
  readonly wasRunning: boolean
  /** Text of the systemd unit before the upgrade; null if there was none. */
  readonly unit: string | null
}

/** Returns the paths of the files that exist while an upgrade runs. */
export function stagingPathsOf({ stagingDir }: Layout) {
  return {
    folder: stagingDir,
    journal: join(stagingDir, 'upgrade.json'),
    newExecutable: join(stagingDir, 'snailpass.new'),
    oldExecutable: join(stagingDir, 'snailpass.old'),
  }
}

/** Returns the journal of an unfinished upgrade, null if there is none. Throws `unavailable` if it can't be parsed. */
export function findJournal(layout: Layout): Journal | null {
  const { journal: path } = stagingPathsOf(layout)
  if (!existsSync(path)) return null
  const journal = parseJournal(readFileSync(path, 'utf8'))
  if (journal !== null) return journal
  throw new DomainError('unavailable', `${path} is not the journal of an upgrade`, {
    hint: 'a newer snailpass may have written it: run the installer of that version',
  })
}

/** Writes the journal atomically. It is on disk when this returns. */
export function writeJournal(layout: Layout, { backup, ...journal }: Journal): void {
  const { folder, journal: path } = stagingPathsOf(layout)
  mkdirSync(folder, { recursive: true })
  const { phase, oldVersion, newVersion, ...rest } = journal
  // The stored name is fixed: another version may complete the upgrade.
  writeAtomic(path, JSON.stringify({ phase, oldVersion, newVersion, archive: backup, ...rest }))
}

/**
 * Ends an upgrade. The journal is removed first, and durably: if it came back after a power cut, the next run would
 * roll back what clients have written since.
 */
export function removeStagingDir(layout: Layout): void {
  const { folder, journal } = stagingPathsOf(layout)
  removeDurably(journal)
  rmSync(folder, { recursive: true, force: true })
}

function parseJournal(text: string): Journal | null {
  const found = parseJson(text)
  const phase = ownProperty(found, 'phase')
  const oldVersion = ownProperty(found, 'oldVersion')
  const newVersion = ownProperty(found, 'newVersion')
  const backup = ownProperty(found, 'archive')
  const pending = ownProperty(found, 'pending')
  const engine = ownProperty(found, 'engine')
  const copy = ownProperty(found, 'copy')
  const isCleared = ownProperty(found, 'isCleared')
  const wasRunning = ownProperty(found, 'wasRunning')
  const unit = ownProperty(found, 'unit')
  const isValid =
    (phase === 'trying' || phase === 'proven' || phase === 'reverting') &&
    (engine === 'sqlite' || engine === 'postgres') &&
    typeof oldVersion === 'string' &&
    typeof newVersion === 'string' &&
    typeof wasRunning === 'boolean' &&
    typeof isCleared === 'boolean' &&
    Array.isArray(pending) &&
    pending.every((name) => typeof name === 'string') &&
    isTextOrNull(backup) &&
    isTextOrNull(copy) &&
    isTextOrNull(unit)
  if (!isValid) return null
  const versions = { oldVersion, newVersion }
  return { phase, ...versions, backup, pending, engine, copy, isCleared, wasRunning, unit }
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}
