import { requireAdopted } from '../../database/database'
import { operatorEvent } from '../../domain/audit'
import { ensureDataFolder } from '../../files/data-folder'
import { appendEvents } from '../../store/audit/append'
import { replaceKeyFingerprint } from '../../store/key-fingerprint'
import type { Targets } from '../targets'

/** Stored in the audit log: says that the audit log from before is in the backup. */
const auditDetail = 'after a safety copy, which has the trail from before'

/**
 * Deletes all data after a backup of the database, and returns the path of that backup. `consent` is called with the name
 * of the database once nothing else stands in the way, and throws to refuse. Throws a DomainError and leaves the data.
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
    if (backupPath === null) throw new Error('the database was not backed up')
    await exclusive.transaction(async () => {
      await exclusive.deleteAllData()
      await exclusive.migrate()
      // Without a key, as a new database: its first server sets one and signs this row.
      await replaceKeyFingerprint(exclusive.db, null)
      const event = operatorEvent(runtime.clock(), 'recreated', { detail: auditDetail })
      await appendEvents(exclusive.db, () => null, [event])
    })
    return backupPath
  })
}
