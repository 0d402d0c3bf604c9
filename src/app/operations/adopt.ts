import { type AdoptionReport, adoptLegacyDatabase } from '../../database/adoption'
import type { DatabaseContent } from '../../database/database'
import { ensureDataFolder } from '../../files/data-folder'
import type { Targets } from '../targets'
import { type ProgressListener, startRowStep } from './progress'

export type { AdoptionReport }

export interface AdoptOptions {
  /** Ids of accounts that keep an email that several accounts have. */
  readonly keep: readonly string[]
  /** Only reports what would happen. */
  readonly dryRun: boolean
  readonly onProgress: ProgressListener | null
}

/** A database without one of the original server: `ours` was migrated before, or is new; `nothing` is empty or missing. */
export type NotAdopted = Exclude<DatabaseContent, 'original'>

/**
 * Migrates a database of the original server in place. Returns what the database is instead if it is not one of the original
 * server. Throws a DomainError and leaves the database as it was.
 */
export async function adoptDatabase(
  { folder, database, runtime }: Targets,
  { onProgress, ...options }: AdoptOptions,
): Promise<AdoptionReport | NotAdopted> {
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
