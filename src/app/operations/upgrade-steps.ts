import { dirname } from 'node:path'
import { missingDatabaseError } from '../../database/lost-database'
import { resolveSqliteLocation } from '../../database/sqlite-location'
import { tryLockSqliteDatabase } from '../../database/sqlite-lock'
import { backUpStoppedDatabase, restoreCopy } from '../../database/sqlite-rollback'
import { DomainError } from '../../domain/errors'
import { ensureDataFolder } from '../../files/data-folder'
import type { Log } from '../../log'
import { migrationQuestion, type Preflight } from '../../service/helper-commands'
import { backupFolderOf } from '../backup-folder'
import { findSignOfLoss, withRestoreHint } from '../lost-database'
import { requiredEndpointsOf } from '../server/listener-plan'
import { startServer } from '../server/server'
import type { Targets } from '../targets'
import { fetchReadiness } from './healthcheck'
import { createDatabase } from './recreate'

export { migrationQuestion }

/**
 * Inspects settings and database before an upgrade, and changes nothing. Throws a DomainError for a database that this
 * version can't serve.
 */
export async function runPreflight(targets: Targets): Promise<Preflight> {
  const { settings, folder, database, location } = targets
  const content = await database.inspect()
  const isFile = location.engine === 'sqlite'
  return {
    dataDir: folder.path,
    endpoints: requiredEndpointsOf(settings),
    engine: location.engine,
    database: database.name,
    content,
    pending: content === 'ours' ? await database.listPendingMigrations() : [],
    folders: foldersToWrite(targets),
    isServed: isFile && content !== 'nothing' && isLocked(targets),
  }
}

/**
 * Returns the folders that the server writes to, without those inside the data folder, which the server creates. It does not
 * create a backup folder that the settings name.
 */
function foldersToWrite(targets: Targets): readonly string[] {
  const { folder, location } = targets
  const dataDir = folder.path
  const file = location.engine === 'sqlite' ? location.path : null
  const { path, isConfigured } = backupFolderOf(targets)
  const backupDir = isConfigured ? [path] : []
  const isOutside = (path: string) => path !== dataDir && !path.startsWith(`${dataDir}/`)
  const databaseDir = file === null ? [] : [dirname(file)].filter(isOutside)
  return [...new Set([dataDir, ...backupDir, ...databaseDir])]
}

/** Whether a server or a command is using the SQLite file. */
function isLocked(targets: Targets): boolean {
  const lock = tryLockSqliteDatabase(sqliteLocationOf(targets))
  lock?.release()
  return lock === null
}

/** Creates the database of a service, unless there is one. Throws `unavailable` if a missing one is a loss. */
export async function createForService(targets: Targets): Promise<void> {
  const { database, folder, settings, location } = targets
  await withRestoreHint(targets, async () => {
    if ((await database.inspect()) !== 'nothing') return
    // A file that a URL names should exist: a typing error must not create an empty one.
    const isNamedFile = settings.database !== null && location.engine === 'sqlite'
    if (isNamedFile || findSignOfLoss(targets) !== null) throw missingDatabaseError(database.name)
    ensureDataFolder(folder)
    await createDatabase(targets)
  })
}

/** Copies the SQLite file of a stopped server to the path `copy`. Throws a DomainError. */
export async function copyBeforeUpgrade(targets: Targets, copy: string): Promise<void> {
  await backUpStoppedDatabase(sqliteLocationOf(targets), copy, targets.runtime.wait)
}

/** Restores the SQLite file from the copy of `copyBeforeUpgrade`. The replaced file is kept as `replacedCopy`. */
export async function restorePreUpgradeCopy(
  targets: Targets,
  paths: { copy: string; replacedCopy: string },
): Promise<void> {
  await restoreCopy(sqliteLocationOf(targets), paths, targets.runtime.wait)
}

/**
 * Deletes our tables from a Postgres database, so that an older version can restore a backup into it. With `keep`, backs
 * them up first and returns the path of the backup; otherwise returns null. Throws a DomainError.
 */
export async function clearDatabase(
  { database }: Targets,
  { keep }: { keep: boolean },
): Promise<string | null> {
  // An earlier attempt may have deleted them and then been interrupted.
  if ((await database.inspect()) === 'nothing') return null
  return await database.withExclusive({ create: false }, async (exclusive) => {
    const backupPath = keep ? await exclusive.backUp('going-back') : null
    await exclusive.transaction(() => exclusive.deleteAllData())
    return backupPath
  })
}

/** How long the server may take to answer whether it is ready, in milliseconds. */
const readinessTimeout = 10_000

/**
 * Starts a server on a free port of the loopback interface, which no client knows, and stops it once it is ready: the
 * database is migrated then, after `beforeMigration`, which is called once nobody else can use it. The server sends no email. Throws a
 * DomainError.
 */
export async function smokeTestServer(
  { settings, runtime }: Targets,
  { log, beforeMigration }: { log: Log; beforeMigration: () => Promise<void> },
): Promise<void> {
  const listen = [{ hostname: '127.0.0.1', port: 0 }]
  const testSettings = {
    ...{ ...settings, listen, listenTls: [], listenMetrics: [] },
    ...{ isListenDefault: false, mail: null },
  }
  const server = await startServer({ settings: testSettings, runtime, log }, { beforeMigration })
  try {
    const request = { url: new URL('/readyz', server.urls[0]), socket: null }
    const { problem } = await fetchReadiness(request, AbortSignal.timeout(readinessTimeout))
    if (problem !== null) {
      throw new DomainError('unavailable', `the server is not ready: ${problem}`)
    }
  } finally {
    await server.stop(1_000)
  }
}

/** Throws an Error for a Postgres database: the installer asks this of SQLite only. */
function sqliteLocationOf({ folder, database, location }: Targets) {
  if (location.engine === 'sqlite') return resolveSqliteLocation(location.path, folder.path)
  throw new Error(`${database.name} is not a SQLite file`)
}
