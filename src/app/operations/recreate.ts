import { requireAdopted } from '../../database/database'
import { operatorEvent } from '../../domain/audit'
import { ensureDataFolder } from '../../files/data-folder'
import { appendEvents } from '../../store/audit/append'
import { replaceKeyFingerprint } from '../../store/key-fingerprint'
import type { Targets } from '../targets'

/**
 * Empties the database after a safety copy, whose path it answers. `consent` is asked for, with the name of the
 * database, once it is known that this can be done, and throws when it is not given. Throws a DomainError.
 */
export async function recreateDatabase(
  { folder, database, runtime }: Targets,
  consent: (name: string) => Promise<void>,
): Promise<string> {
  return await database.withExclusive({ create: false }, async (exclusive) => {
    requireAdopted(exclusive, database)
    await consent(database.name)
    ensureDataFolder(folder)
    const backupPath = await exclusive.backUp('recreate')
    if (backupPath === null) throw new Error('a database of ours was not copied')
    await exclusive.transaction(async () => {
      await exclusive.deleteAllData()
      await exclusive.migrate()
      // A new database has no key before its first server, which signs what the trail begins with.
      await replaceKeyFingerprint(exclusive.db, null)
      const detail = 'after a safety copy, which has the trail from before'
      await appendEvents(exclusive.db, () => null, [
        operatorEvent(runtime.clock(), 'recreated', { detail }),
      ])
    })
    return backupPath
  })
}
