/**
 * The composition of the program: `server/` runs the server, `operations/` has one file per task of an operator, `doctor/`
 * one per check. This folder itself has only what all three share; everything below it works on the targets of this file.
 */
import { dirname } from 'node:path'
import { type DatabaseLocation, nameOfLocation } from '../config/database-url'
import type { Settings } from '../config/settings'
import type { Database } from '../database/database'
import { lazyDatabase } from '../database/lazy-database'
import { sqliteDatabase } from '../database/sqlite-database'
import { resolveSqliteLocation } from '../database/sqlite-location'
import { type DataFolder, dataFolder } from '../files/data-folder'
import { asCallerOutside, workAsOwnerOf } from '../files/working-user'
import type { Runtime } from './runtime'

export { asCallerOutside }

/** What an operation works on: the settings, and the data folder and the database that they name. */
export interface Targets {
  readonly settings: Settings
  readonly runtime: Runtime
  readonly folder: DataFolder
  readonly location: DatabaseLocation
  /** The database at that location. Nothing is opened before one of its functions is called. */
  readonly database: Database
}

/** Returns the targets that settings name. Neither the folder nor the database needs to exist. */
export function openTargets(settings: Settings, runtime: Runtime): Targets {
  const folder = dataFolder(settings.dataDir)
  const location = settings.database ?? { engine: 'sqlite', path: folder.database }
  return { settings, runtime, folder, location, database: databaseAt(location, folder, runtime) }
}

/**
 * Has a command that root runs work as the owner of the data folder, unless it also writes to what belongs to anyone else:
 * another database or backup folder, or `places`.
 */
export function workAsOwner(settings: Settings, places: readonly string[] = []): void {
  const { dataDir, database, backupDir } = settings
  const databases = database === null ? [] : placesOf(database)
  workAsOwnerOf(dataDir, [...places, ...databases, ...(backupDir === null ? [] : [backupDir])])
}

/** Returns where a command that uses a database writes to. */
export function placesOf(location: DatabaseLocation): readonly string[] {
  // SQLite also creates files beside the database.
  return location.engine === 'sqlite' ? [location.path, dirname(location.path)] : []
}

/** Returns the database at a location. Backups taken before a migration and the like go to the data folder. */
export function databaseAt(
  location: DatabaseLocation,
  folder: DataFolder,
  runtime: Runtime,
): Database {
  if (location.engine === 'sqlite') {
    return sqliteDatabase(resolveSqliteLocation(location.path, folder.path), runtime)
  }
  const name = nameOfLocation(location)
  return lazyDatabase(name, async () => {
    const { postgresDatabase } = await import('../database/postgres-database')
    return postgresDatabase({ address: location, name, databaseBackupDir: folder.path }, runtime)
  })
}
