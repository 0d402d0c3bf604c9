import { type AdoptionReport, adoptLegacyDatabase } from '../../database/adoption'
import { ensureDataFolder } from '../../files/data-folder'
import type { Targets } from '../targets'

export type { AdoptionReport }

/**
 * Turns a database of the original server into ours, or tells what would become of it. Null when there is none of
 * the original's. Throws a DomainError, and leaves it as it was.
 */
export async function adoptDatabase(
  { folder, database, runtime }: Targets,
  options: { keep: readonly string[]; dryRun: boolean },
): Promise<AdoptionReport | null> {
  // A look first: `serve --adopt` stays in a service's command line, also beside servers that are at work.
  if ((await database.inspect()) !== 'original') return null
  return await database.withExclusive({ create: false }, async (exclusive) => {
    if (exclusive.content !== 'original') return null
    ensureDataFolder(folder)
    return await adoptLegacyDatabase(exclusive, { ...options, ...runtime })
  })
}
