import { statSync } from 'node:fs'
import type { DatabaseLocation } from '../../config/database-url'
import { type AdoptionReport, adoptLegacyDatabase } from '../../database/adoption'
import type { DatabaseContent } from '../../database/database'
import { ensureDataFolder, ifReadable } from '../../files/data-folder'
import type { Targets } from '../targets'
import { type ProgressListener, startRowStep } from './progress'

export type { AdoptionReport }

export interface AdoptOptions {
  /** Ids of accounts that keep an email that several accounts have. */
  readonly keep: readonly string[]
  /** Only reports what would happen. */
  readonly dryRun: boolean
  /** Whether the operator has named the database, which the settings do otherwise. */
  readonly isNamed: boolean
  readonly onProgress: ProgressListener | null
}

/** A database without one of the original server: `ours` was migrated before, or is new; `nothing` is empty or missing. */
export type NotAdopted = Exclude<DatabaseContent, 'original'>

/**
 * Migrates a database of the original server in place. Returns what the database is instead if it is not one of the original
 * server. Throws a DomainError and leaves the database as it was.
 */
export async function adoptDatabase(
  { folder, location, database, runtime }: Targets,
  { onProgress, isNamed, ...options }: AdoptOptions,
): Promise<AdoptionReport | NotAdopted> {
  // That of the settings was this server's, and has lost its content: the inspection says so.
  if (isNamed && isEmptyFile(location)) return 'nothing'
  // Inspects without a lock first: `serve --adopt` stays in a service's command line, also where several servers run.
  const content = await database.inspect()
  if (content !== 'original') return content
  return await database.withExclusive({ create: false }, async (exclusive) => {
    if (exclusive.content !== 'original') return exclusive.content
    ensureDataFolder(folder)
    const { monotonicClock: clock } = runtime
    return await adoptLegacyDatabase(exclusive, {
      ...options,
      ...runtime,
      startProgress: (total) => startRowStep({ name: 'migrating', total, onProgress, clock }),
    })
  })
}

/** False for a file that can't be looked at, of which the inspection tells more. */
function isEmptyFile(location: DatabaseLocation): boolean {
  if (location.engine !== 'sqlite') return false
  const { path } = location
  return ifReadable(() => statSync(path, { throwIfNoEntry: false })?.size === 0, false)
}
