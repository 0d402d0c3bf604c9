import { type DatabaseLocation, nameOfLocation } from '../config/database-url'
import type { Settings } from '../config/settings'
import type { Database } from '../database/database'
import { postgresDatabase } from '../database/postgres-database'
import { resolveSqliteLocation, sqliteDatabase } from '../database/sqlite-database'
import { type DataFolder, dataFolder } from '../files/data-folder'
import type { Runtime } from './runtime'

/** The data folder and the database that the settings name. */
export function openTargets(
  settings: Settings,
  runtime: Runtime,
): { folder: DataFolder; database: Database; location: DatabaseLocation } {
  const folder = dataFolder(settings.dataDir)
  const location = settings.database ?? { engine: 'sqlite', path: folder.database }
  return { folder, location, database: databaseAt(location, folder, runtime) }
}

/** The database at a location. Safety copies go to the data folder. */
export function databaseAt(
  location: DatabaseLocation,
  folder: DataFolder,
  runtime: Runtime,
): Database {
  if (location.engine === 'sqlite') {
    return sqliteDatabase(resolveSqliteLocation(location.path, folder.path), runtime)
  }
  const name = nameOfLocation(location)
  return postgresDatabase({ address: location, name, databaseBackupDir: folder.path }, runtime)
}
