import { dirname } from 'node:path'
import { endpointsOf } from '../../config/listeners'
import type { Settings } from '../../config/settings'
import { resolveSqliteLocation } from '../../database/sqlite-database'
import { backUpStoppedDatabase, restoreCopy } from '../../database/sqlite-rollback'
import { DomainError } from '../../domain/errors'
import { acquireDatabaseLock } from '../../files/data-folder'
import type { Log } from '../../log'
import type { Preflight } from '../../service/helper-commands'
import { startServer } from '../server/server'
import type { Targets } from '../targets'

/** Looks, and changes nothing. Throws a DomainError for a database that this version can't serve. */
export async function runPreflight(targets: Targets): Promise<Preflight> {
  const { settings, folder, database, location } = targets
  const content = await database.inspect()
  const isFile = location.engine === 'sqlite'
  return {
    dataDir: folder.path,
    endpoints: endpointsOf(settings),
    engine: location.engine,
    database: database.name,
    content,
    pending: content === 'ours' ? await database.listPendingMigrations() : [],
    folders: writtenFolders(settings, folder.path, isFile ? location.path : null),
    isServed: isFile && content !== 'nothing' && isLocked(targets),
  }
}

/** What lies within the data folder is the server's own to make. */
function writtenFolders(settings: Settings, dataDir: string, file: string | null): string[] {
  const others = [settings.backupDir, file === null ? null : dirname(file)]
  const outside = others.filter(
    (path) => path !== null && path !== dataDir && !path.startsWith(`${dataDir}/`),
  )
  return [...new Set([dataDir, ...outside.filter((path) => path !== null)])]
}

function isLocked(targets: Targets): boolean {
  const location = sqliteLocationOf(targets)
  try {
    acquireDatabaseLock(location.lockFile, location.path).release()
    return false
  } catch (error) {
    if (error instanceof DomainError && error.code === 'conflict') return true
    throw error
  }
}

/** Copies the SQLite file of a server that does not run. */
export async function copyBeforeUpgrade(targets: Targets, copy: string): Promise<void> {
  await backUpStoppedDatabase(sqliteLocationOf(targets), copy, targets.runtime.wait)
}

/** Puts the SQLite file back that `copyBeforeUpgrade` has copied; what was there is kept as `aside`. */
export async function restorePreUpgradeCopy(
  targets: Targets,
  names: { copy: string; replacedCopy: string },
): Promise<void> {
  await restoreCopy(sqliteLocationOf(targets), names, targets.runtime.wait)
}

/**
 * Drops our tables of a Postgres database, so that an older version can restore an archive into it. With `keep`, what
 * they hold is copied first; answers the copy's path, null for none.
 */
export async function clearDatabase(
  { database }: Targets,
  { keep }: { keep: boolean },
): Promise<string | null> {
  // After an interruption they may be gone.
  if ((await database.inspect()) === 'nothing') return null
  return await database.withExclusive({ create: false }, async (session) => {
    const copy = keep ? await session.backUp('going-back') : null
    await session.transaction(() => session.deleteAllData())
    return copy
  })
}

/**
 * Starts a server on a free port of loopback that nobody knows, sends no letter, and ends it once it was ready:
 * the database is up to date then. Throws a DomainError.
 */
export async function smokeTestServer({ settings, runtime }: Targets, log: Log): Promise<void> {
  const listen = [{ hostname: '127.0.0.1', port: 0 }]
  const trialSettings = { ...settings, listen, listenTls: [], mail: null }
  const server = await startServer(trialSettings, runtime, log)
  try {
    const answer = await fetch(new URL('/readyz', server.urls[0]))
    if (answer.ok) return
    throw new DomainError('unavailable', `the server is not ready: ${await answer.text()}`)
  } finally {
    await server.stop(1_000)
  }
}

function sqliteLocationOf({ folder, database, location }: Targets) {
  if (location.engine === 'sqlite') return resolveSqliteLocation(location.path, folder.path)
  throw new Error(`${database.name} is no file`)
}
