import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nameOfLocation } from '../config/database-url'
import { LostDatabaseError } from '../database/lost-database'
import { ownProperty, parseJson } from '../domain/untrusted'
import { writeAtomic } from '../files/atomic-file'
import { type DataFolder, ifReadable } from '../files/data-folder'
import { listBackupPaths } from './backup-folder'
import type { Targets } from './targets'

/**
 * Returns what shows that a missing database is lost, not yet to be created; null for nothing. An empty database in the place
 * of a lost one would make clients discard their copies. Certificates alone show nothing: they are created first.
 */
export function findSignOfLoss(targets: Targets): string | null {
  const { folder, location } = targets
  if (location.engine === 'postgres') {
    return isRemembered(targets)
      ? `this server has used it before (${rememberedPath(folder)})`
      : null
  }
  const key = [folder.secretKey, folder.newSecretKey].find((path) => existsSync(path))
  if (key !== undefined) return `its secret key ${key} exists`
  const [backup] = listBackupPaths(targets)
  if (backup !== undefined) return `the backup ${backup.path} exists`
  const copy = listNames(folder.path).find((name) => name.startsWith('snailpass-before-'))
  return copy === undefined ? null : `the copy ${join(folder.path, copy)} exists`
}

/** Runs work that opens the database. Adds what to restore to the error for a lost one: missing, empty or damaged. */
export async function withRestoreHint<T>(targets: Targets, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof LostDatabaseError)) throw error
    const sign = error.state === 'missing' ? findSignOfLoss(targets) : null
    // A database that was never there is to be created.
    if (error.state === 'missing' && sign === null) throw error
    const message = sign === null ? error.message : `${error.message}, but ${sign}`
    const { state, advice, cause } = error
    const { describeRestore } = await import('./checked-backups')
    const hint = `${await describeRestore(targets)}; ${advice}`
    throw new LostDatabaseError(state, message, { advice, hint, cause })
  }
}

/** The file in the data folder that names the Postgres database that the server has used last. */
function rememberedPath({ path }: DataFolder): string {
  return join(path, 'database.json')
}

/** Remembers the Postgres database that the server uses: if it is empty later, it was lost. Throws system errors. */
export function rememberDatabase(targets: Targets): void {
  if (targets.location.engine !== 'postgres' || isRemembered(targets)) return
  writeAtomic(rememberedPath(targets.folder), `${JSON.stringify(placeOf(targets))}\n`)
}

function isRemembered(targets: Targets): boolean {
  const remembered = readJsonIfPresent(rememberedPath(targets.folder))
  const { database, options } = placeOf(targets)
  return (
    ownProperty(remembered, 'database') === database &&
    ownProperty(remembered, 'options') === options
  )
}

/** What names a place for tables: hosts and database, and the options, which may name a schema. No user and no password. */
function placeOf({ location }: Targets): { database: string; options: string | null } {
  const options = location.engine === 'postgres' ? location.options : null
  return { database: nameOfLocation(location), options }
}

function readJsonIfPresent(path: string): unknown {
  return ifReadable(() => parseJson(readFileSync(path, 'utf8')), null)
}

function listNames(folder: string): readonly string[] {
  return ifReadable(() => readdirSync(folder), [])
}
