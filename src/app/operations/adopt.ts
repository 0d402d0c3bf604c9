import type { DatabaseLocation } from '../../config/database-url'
import type { Settings } from '../../config/settings'
import { type AdoptionReport, adoptLegacyDatabase } from '../../database/adoption'
import type { Database, ExclusiveDatabase } from '../../database/database'
import {
  checksumTables,
  copyTables,
  isDatabaseEmpty,
  type Progress,
  requireEqualChecksums,
  type TableChecksum,
} from '../../database/table-copy'
import { type AuditEvent, operatorEvent } from '../../domain/audit'
import { DomainError } from '../../domain/errors'
import { dataFolder, ensureDataFolder } from '../../files/data-folder'
import { appendEvents } from '../../store/audit/append'
import { clearAuditLog } from '../../store/audit/resign'
import { replaceKeyFingerprint } from '../../store/key-fingerprint'
import type { Runtime } from '../runtime'
import { databaseAt, openTargets } from '../targets'

export type { AdoptionReport }

/**
 * Empties the database after a safety copy, whose path it answers. `consent` is asked for, with the name of the
 * database, once it is known that this can be done, and throws when it is not given. Throws a DomainError.
 */
export async function recreateDatabase(
  settings: Settings,
  runtime: Runtime,
  consent: (name: string) => Promise<void>,
): Promise<string> {
  const { folder, database } = openTargets(settings, runtime)
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
      await recordEvent(exclusive, operatorEvent(runtime.clock(), 'recreated', { detail }))
    })
    return backupPath
  })
}

/**
 * Turns a database of the original server into ours, or tells what would become of it. Null when there is none of
 * the original's. Throws a DomainError, and leaves it as it was.
 */
export async function adoptDatabase(
  settings: Settings,
  runtime: Runtime,
  options: { keep: readonly string[]; dryRun: boolean },
): Promise<AdoptionReport | null> {
  const { folder, database } = openTargets(settings, runtime)
  // A look first: `serve --adopt` stays in a service's command line, also beside servers that are at work.
  if ((await database.inspect()) !== 'original') return null
  return await database.withExclusive({ create: false }, async (exclusive) => {
    if (exclusive.content !== 'original') return null
    ensureDataFolder(folder)
    return await adoptLegacyDatabase(exclusive, { ...options, ...runtime })
  })
}

/**
 * Copies everything of one database into another, empty one, which is made when it is missing, and proves it:
 * answers what both hold, table by table. The target belongs to no secret key before its first server, which gives it
 * its own. Throws a DomainError, and leaves the target empty.
 */
export async function copyDatabase(
  settings: Settings,
  runtime: Runtime,
  between: { from: DatabaseLocation; to: DatabaseLocation },
  progress: (step: 'copied' | 'checked') => Progress,
): Promise<readonly TableChecksum[]> {
  const folder = dataFolder(settings.dataDir)
  const from = databaseAt(between.from, folder, runtime)
  const to = databaseAt(between.to, folder, runtime)
  return await from.withSnapshot((source) =>
    to.withExclusive({ create: true }, async (target) => {
      requireAdopted(target, to)
      if (!(await isDatabaseEmpty(target.db))) {
        throw new DomainError('conflict', `${to.name} is not empty: nothing was copied`, {
          hint: 'name a new database, or empty it with `snailpass recreate-db`',
        })
      }
      return await target.transaction(async () => {
        await clearAuditLog(target.db)
        const read = await copyTables(source, target.db, {
          progress: progress('copied'),
          // A fault of the source is told as the source's, though it is met in work on the target.
          translateErrors: from.translateErrors,
        })
        for (const { table } of read) await target.engineSql.resumeRowNumbers(target.db, table)
        const written = await checksumTables(target.db, { progress: progress('checked') })
        requireEqualChecksums(read, written, to.name)
        await replaceKeyFingerprint(target.db, null)
        const detail = `from ${from.name}`
        await recordEvent(target, operatorEvent(runtime.clock(), 'copied', { detail }))
        return written
      })
    }),
  )
}

/** Puts an event into the trail of a database that has no key, as a part of the caller's transaction. */
async function recordEvent({ db }: ExclusiveDatabase, event: AuditEvent): Promise<void> {
  await appendEvents(db, () => null, [event])
}

/** Throws `unavailable` for a database of the original server's. */
export function requireAdopted({ content }: ExclusiveDatabase, database: Database): void {
  if (content === 'ours') return
  throw new DomainError(
    'unavailable',
    `${database.name} is a database of the original SnailPass server`,
    { hint: 'take it over first: `snailpass adopt`' },
  )
}
