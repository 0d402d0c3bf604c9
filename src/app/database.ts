import { type DatabaseLocation, nameOfLocation } from '../config/database-url'
import type { Settings } from '../config/settings'
import { type DataFolder, dataFolder } from '../store/data-folder'
import type { Database } from '../store/database'
import { postgresDatabase } from '../store/postgres-database'
import { sqliteDatabase, sqlitePlace } from '../store/sqlite-database'
import type { World } from './world'

/** The data folder and the database that the settings name. */
export function placesOf(
  settings: Settings,
  world: World,
): { folder: DataFolder; database: Database; location: DatabaseLocation } {
  const folder = dataFolder(settings.dataDir)
  const location = settings.database ?? { engine: 'sqlite', path: folder.database }
  return { folder, location, database: databaseAt(location, folder, world) }
}

/** The database at a location. Safety copies go to the data folder. */
export function databaseAt(location: DatabaseLocation, folder: DataFolder, world: World): Database {
  if (location.engine === 'sqlite') {
    return sqliteDatabase(sqlitePlace(location.path, folder.path), world)
  }
  const name = nameOfLocation(location)
  return postgresDatabase({ address: location, name, copies: folder.path }, world)
}
