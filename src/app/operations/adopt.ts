import { type AdoptionReport, adoptLegacyDatabase } from '../../database/adoption'
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

/**
 * Migrates a database of the original server in place. Returns null if the database is not one of the original server.
 * Throws a DomainError and leaves the database as it was.
 */
export async function adoptDatabase(
  { folder, database, runtime }: Targets,
  { onProgress, ...options }: AdoptOptions,
): Promise<AdoptionReport | null> {
  // Inspects without a lock first: `serve --adopt` stays in a service's command line, also where several servers run.
  if ((await database.inspect()) !== 'original') return null
  return await database.withExclusive({ create: false }, async (exclusive) => {
    if (exclusive.content !== 'original') return null
    ensureDataFolder(folder)
    const { monotonicClock: clock } = runtime
    return await adoptLegacyDatabase(exclusive, {
      ...options,
      ...runtime,
      startProgress: (total) => startRowStep({ name: 'migrating', total, onProgress, clock }),
    })
  })
}
