import { requireAdopted } from '../../database/database'
import { operatorEvent } from '../../domain/audit'
import { ensureDataFolder } from '../../files/data-folder'
import { appendEvents } from '../../store/audit/append'
import { replaceKeyFingerprint } from '../../store/key-fingerprint'
import { useCommittedSecrets } from '../secret-files'
import type { Targets } from '../targets'

/** Stored in the audit log: says that the audit log from before is in the backup. */
const auditDetail = 'after a safety copy, which has the trail from before'

/** What is about to be done to a database. */
export interface RecreatePlan {
  /** The name of the database. */
  readonly name: string
  /** Whether there is none, so that a new one is created and nothing is deleted. */
  readonly isMissing: boolean
}

/**
 * Deletes all data after a backup of the database, and returns the path of that backup. Creates a missing database, and
 * returns null then. `consent` is called once nothing else stands in the way, and throws to refuse. Throws a DomainError and
 * leaves the data.
 */
export async function recreateDatabase(
  targets: Targets,
  consent: (plan: RecreatePlan) => Promise<void>,
): Promise<string | null> {
  const { folder, database } = targets
  if ((await database.inspect()) === 'nothing') {
    await consent({ name: database.name, isMissing: true })
    ensureDataFolder(folder)
    await createDatabase(targets)
    return null
  }
  return await replaceWithEmpty(targets, consent)
}

/** Creates the database, unless there is one. Throws a DomainError. */
export async function createDatabase({ database }: Targets): Promise<void> {
  await database.withExclusive({ create: true }, () => Promise.resolve())
}

async function replaceWithEmpty(
  targets: Targets,
  consent: (plan: RecreatePlan) => Promise<void>,
): Promise<string> {
  const { folder, database, runtime } = targets
  return await database.withExclusive({ create: false }, async (exclusive) => {
    requireAdopted(exclusive, database)
    await consent({ name: database.name, isMissing: false })
    ensureDataFolder(folder)
    // The new database gets the key of the old one, also if a command was killed before it was in place.
    await useCommittedSecrets(targets, exclusive.db)
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
