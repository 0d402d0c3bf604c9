import { type Dialect, Kysely } from 'kysely'
import { connectPool } from '../engine/postgres/connection'
import { asCaller } from '../files/working-user'
import { findKeyFingerprint } from '../store/key-fingerprint'
import type { Migrations } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import { createStore, type OpenedStore } from '../store/store'
import { type DatabaseTarget, filterPendingMigrations, type ServerOpenOptions } from './database'
import { inspectPostgresDatabase } from './postgres-content'
import { connectionTarget, type PostgresLocation } from './postgres-location'
import { requireRights } from './postgres-rights'

/** Opens the store of a database. It connects at its first use. */
export function openPoolStore(
  { location, timing, migrations }: DatabaseTarget<PostgresLocation>,
  onWriteChange?: ServerOpenOptions['onWriteChange'],
): OpenedStore {
  const { name } = location
  let fingerprint: string | null = null
  const pool = asCaller(() =>
    connectPool(connectionTarget(location), {
      wait: timing.wait,
      verify: (dialect) => requireSameDatabase({ name, migrations, fingerprint }, dialect),
    }),
  )
  const handles = {
    reader: pool.dialect,
    single: pool.dialect,
    isInProcess: false,
    writer: pool.dialect,
    ...(onWriteChange !== undefined && { onWriteChange }),
    onKeyFingerprint: (found: string) => {
      fingerprint = found
    },
    close: pool.close,
  }
  return createStore(handles, timing)
}

/**
 * Throws unless a new connection may use our tables, and is to the database that the server was started on: a command may have
 * replaced the database while the server had no connection. `fingerprint` is that of the secret key, null if it is not known yet.
 */
async function requireSameDatabase(
  {
    name,
    migrations,
    fingerprint,
  }: { name: string; migrations: Migrations; fingerprint: string | null },
  dialect: Dialect,
): Promise<void> {
  const db = new Kysely<Schema>({ dialect })
  const { content, migrations: done } = await inspectPostgresDatabase(name, db)
  const isSame =
    content === 'ours' &&
    filterPendingMigrations(name, migrations, done).length === 0 &&
    (fingerprint === null || (await findKeyFingerprint(db)) === fingerprint)
  if (!isSame)
    throw new Error('the database is not the one that this server was started on: restart it')
  await requireRights(name, db)
}
