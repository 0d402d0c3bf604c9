import { dirname } from 'node:path'
import { endpointsOf } from '../config/listeners'
import type { Settings } from '../config/settings'
import { DomainError } from '../domain/errors'
import type { Log } from '../log'
import type { Outlook } from '../service/steps'
import { lockPath } from '../store/data-folder'
import { sqlitePlace } from '../store/sqlite-database'
import { keepCopy, putBack } from '../store/sqlite-put-back'
import { placesOf } from './database'
import { startServer } from './server'
import type { World } from './world'

/** Looks, and changes nothing. Throws a DomainError for a database that this version can't serve. */
export async function outlook(settings: Settings, world: World): Promise<Outlook> {
  const { folder, database, location } = placesOf(settings, world)
  const content = await database.look()
  const isFile = location.engine === 'sqlite'
  return {
    dataDir: folder.path,
    endpoints: endpointsOf(settings),
    engine: location.engine,
    database: database.name,
    content,
    pending: content === 'ours' ? await database.pending() : [],
    folders: writtenFolders(settings, folder.path, isFile ? location.path : null),
    isServed: isFile && content !== 'nothing' && isLocked(settings, world),
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

function isLocked(settings: Settings, world: World): boolean {
  const place = sqlitePlaceOf(settings, world)
  try {
    lockPath(place.lock, place.path).release()
    return false
  } catch (error) {
    if (error instanceof DomainError && error.code === 'conflict') return true
    throw error
  }
}

/** Copies the SQLite file of a server that does not run. */
export async function copyBeforeUpgrade(
  settings: Settings,
  world: World,
  copy: string,
): Promise<void> {
  await keepCopy(sqlitePlaceOf(settings, world), copy, world.wait)
}

/** Puts the SQLite file back that `copyBeforeUpgrade` has copied; what was there is kept as `aside`. */
export async function putCopyBack(
  settings: Settings,
  world: World,
  names: { copy: string; aside: string },
): Promise<void> {
  await putBack(sqlitePlaceOf(settings, world), names, world.wait)
}

/**
 * Drops our tables of a Postgres database, so that an older version can restore an archive into it. With `keep`, what
 * they hold is copied first; answers the copy's path, null for none.
 */
export async function clearDatabase(
  settings: Settings,
  world: World,
  { keep }: { keep: boolean },
): Promise<string | null> {
  const { database } = placesOf(settings, world)
  // After an interruption they may be gone.
  if ((await database.look()) === 'nothing') return null
  return await database.alone({ create: false }, async (session) => {
    const copy = keep ? await session.copyForSafety('going-back') : null
    await session.transaction(() => session.empty())
    return copy
  })
}

/**
 * Starts a server on a free port of loopback that nobody knows, sends no letter, and ends it once it was ready:
 * the database is up to date then. Throws a DomainError.
 */
export async function tryServer(settings: Settings, world: World, log: Log): Promise<void> {
  const listen = [{ hostname: '127.0.0.1', port: 0 }]
  const quiet = { ...settings, listen, listenTls: [], mail: null }
  const server = await startServer(quiet, world, log)
  try {
    const answer = await fetch(new URL('/readyz', server.urls[0]))
    if (answer.ok) return
    throw new DomainError('unavailable', `the server is not ready: ${await answer.text()}`)
  } finally {
    await server.stop(1_000)
  }
}

function sqlitePlaceOf(settings: Settings, world: World) {
  const { folder, database, location } = placesOf(settings, world)
  if (location.engine === 'sqlite') return sqlitePlace(location.path, folder.path)
  throw new Error(`${database.name} is no file`)
}
