import type { DatabaseLocation } from '../config/database-url'
import type { Settings } from '../config/settings'
import { type AuditEvent, byOperator } from '../domain/audit'
import { DomainError } from '../domain/errors'
import { type AdoptionReport, adoptOriginal } from '../store/adoption'
import { appendEvents } from '../store/audit-append'
import { emptyTrail } from '../store/audit-carry'
import { dataFolder, ensureFolder } from '../store/data-folder'
import type { Database, Session } from '../store/database'
import { replaceKeyFingerprint } from '../store/key-fingerprint'
import {
  copyTables,
  isEmpty,
  type Progress,
  requireEqual,
  sumTables,
  type TableSum,
} from '../store/transfer'
import { databaseAt, placesOf } from './database'
import type { World } from './world'

export type { AdoptionReport }

/**
 * Empties the database after a safety copy, whose path it answers. `consent` is asked for, with the name of the
 * database, once it is known that this can be done, and throws when it is not given. Throws a DomainError.
 */
export async function recreate(
  settings: Settings,
  world: World,
  consent: (name: string) => Promise<void>,
): Promise<string> {
  const { folder, database } = placesOf(settings, world)
  return await database.alone({ create: false }, async (session) => {
    requireOurs(session, database)
    await consent(database.name)
    ensureFolder(folder)
    const safetyCopy = await session.copyForSafety('recreate')
    if (safetyCopy === null) throw new Error('a database of ours was not copied')
    await session.transaction(async () => {
      await session.empty()
      await session.migrate()
      // A new database has no key before its first server, which signs what the trail begins with.
      await replaceKeyFingerprint(session.db, null)
      const detail = 'after a safety copy, which has the trail from before'
      await tell(session, byOperator(world.clock(), 'recreated', { detail }))
    })
    return safetyCopy
  })
}

/**
 * Turns a database of the original server into ours, or tells what would become of it. Null when there is none of
 * the original's. Throws a DomainError, and leaves it as it was.
 */
export async function adopt(
  settings: Settings,
  world: World,
  options: { keep: readonly string[]; dryRun: boolean },
): Promise<AdoptionReport | null> {
  const { folder, database } = placesOf(settings, world)
  // A look first: `serve --adopt` stays in a service's command line, also beside servers that are at work.
  if ((await database.look()) !== 'original') return null
  return await database.alone({ create: false }, async (session) => {
    if (session.content !== 'original') return null
    ensureFolder(folder)
    return await adoptOriginal(session, { ...options, ...world })
  })
}

/**
 * Copies everything of one database into another, empty one, which is made when it is missing, and proves it:
 * answers what both hold, table by table. The target belongs to no secret key before its first server, which gives it
 * its own. Throws a DomainError, and leaves the target empty.
 */
export async function copy(
  settings: Settings,
  world: World,
  between: { from: DatabaseLocation; to: DatabaseLocation },
  progress: (step: 'copied' | 'checked') => Progress,
): Promise<readonly TableSum[]> {
  const folder = dataFolder(settings.dataDir)
  const from = databaseAt(between.from, folder, world)
  const to = databaseAt(between.to, folder, world)
  return await from.snapshot((source) =>
    to.alone({ create: true }, async (target) => {
      requireOurs(target, to)
      if (!(await isEmpty(target.db))) {
        throw new DomainError('conflict', `${to.name} is not empty: nothing was copied`, {
          hint: 'name a new database, or empty it with `snailpass recreate-db`',
        })
      }
      return await target.transaction(async () => {
        await emptyTrail(target.db)
        const read = await copyTables(source, target.db, {
          progress: progress('copied'),
          // A fault of the source is told as the source's, though it is met in work on the target.
          reading: from.explained,
        })
        for (const { table } of read) await target.words.resumeRowNumbers(target.db, table)
        const written = await sumTables(target.db, { progress: progress('checked') })
        requireEqual(read, written, to.name)
        await replaceKeyFingerprint(target.db, null)
        const detail = `from ${from.name}`
        await tell(target, byOperator(world.clock(), 'copied', { detail }))
        return written
      })
    }),
  )
}

/** Puts an event into the trail of a database that has no key, as a part of the caller's transaction. */
async function tell({ db }: Session, event: AuditEvent): Promise<void> {
  await appendEvents(db, () => null, [event])
}

/** Throws `unavailable` for a database of the original server's. */
export function requireOurs({ content }: Session, database: Database): void {
  if (content === 'ours') return
  throw new DomainError(
    'unavailable',
    `${database.name} is a database of the original SnailPass server`,
    { hint: 'take it over first: `snailpass adopt`' },
  )
}
