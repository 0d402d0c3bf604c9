import type { Kysely } from 'kysely'
import type { DomainError } from '../domain/errors'
import { sqliteSql } from '../engine/engine-sql'
import { setApplicationId } from '../engine/sqlite/connection'
import type { Schema } from '../store/schema'
import {
  type DatabaseContent,
  type DatabaseTarget,
  type ExclusiveDatabase,
  type ExclusiveOptions,
  inTransaction,
  migrateInTransaction,
} from './database'
import { dropOwnTables } from './own-tables'
import type { SqliteLocation } from './sqlite-location'
import {
  backUpDatabaseFile,
  beginImmediate,
  createDatabaseFile,
  setAsideDatabase,
} from './sqlite-setup'
import { namesToCreate, requireExpectedStructure, requireFreeNames } from './structure-check'

type Target = DatabaseTarget<SqliteLocation>

/** Creates the database together with what the work does. The caller holds the lock. */
export async function withNewDatabase<T>(
  target: Target,
  {
    loss,
    onSetAside,
  }: { loss: DomainError | null; onSetAside: ExclusiveOptions['onSetAside'] | undefined },
  work: (database: ExclusiveDatabase) => Promise<T>,
): Promise<T> {
  const { location, timing, migrations } = target
  const { path } = location
  const makeRoom = () => {
    const moved = setAsideDatabase(path, timing.clock)
    if (moved.length > 0) onSetAside?.(moved)
  }
  const options = { migrations, ...(onSetAside !== undefined && { makeRoom }) }
  return await createDatabaseFile(path, options, (db) => {
    const database = createExclusiveDatabase(target, db, { content: 'ours' })
    const lost = loss === null ? null : loss.message
    return work({ ...database, lost, backUp: () => Promise.resolve(null) })
  })
}

/** Returns an open database file for work that nothing else disturbs. The caller holds the lock. */
export function createExclusiveDatabase(
  { location, timing, migrations }: Target,
  db: Kysely<Schema>,
  { content }: { content: DatabaseContent },
): ExclusiveDatabase {
  const { path, databaseBackupDir: folder } = location
  return {
    name: path,
    db,
    content,
    lost: null,
    engineSql: sqliteSql,
    transaction: (work) => inTransaction(db, beginImmediate, work),
    listNeededNames: () => namesToCreate(migrations),
    async migrate() {
      await migrateInTransaction(db, migrations)
      await setApplicationId.execute(db)
      const done = Object.keys(migrations)
      await requireExpectedStructure({ db, name: path, migrations, done })
    },
    backUp: (operation) => backUpDatabaseFile(path, { folder, operation, clock: timing.clock }),
    async deleteAllData() {
      const done = Object.keys(migrations)
      await requireFreeNames({ db, name: path, migrations, done })
      await dropOwnTables(db)
    },
  }
}
