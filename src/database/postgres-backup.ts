import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import { completeCopiedRows } from '../store/derived-columns'
import type { Schema } from '../store/schema'
import { databaseBackupName, type Timing } from './database'
import { sqliteDatabase } from './sqlite-database'
import { resolveSqliteLocation } from './sqlite-location'
import { checksumTables, copyTables, requireEqualChecksums } from './table-copy'

/**
 * Copies our tables to a new SQLite file in `folder` before `operation` changes them, and verifies the copy. Returns its
 * path. Throws `unavailable` if the copy differs or its disk fails; no file is left then.
 */
export async function backUpTables(
  db: Kysely<Schema>,
  { folder, operation, timing }: { folder: string; operation: string; timing: Timing },
): Promise<string> {
  const path = join(folder, databaseBackupName(operation, timing.clock))
  const copy = sqliteDatabase(resolveSqliteLocation(path, folder), timing)
  const progress = () => {}
  try {
    await copy.withExclusive({ create: true }, async (target) => {
      const read = await target.transaction(async () => {
        const checksums = await copyTables(db, target.db, { progress })
        await completeCopiedRows(target.db)
        return checksums
      })
      requireEqualChecksums(read, await checksumTables(target.db, { progress }), path)
    })
  } catch (error) {
    removeIfPresent(path)
    throw error
  } finally {
    removeIfPresent(`${path}.lock`)
  }
  return path
}

/** Removes a file. Where there can't be one, `rmSync` throws, and the caller has an error of its own to report. */
function removeIfPresent(path: string): void {
  if (existsSync(path)) rmSync(path)
}
