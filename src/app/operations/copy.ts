import type { DatabaseLocation } from '../../config/database-url'
import { requireAdopted } from '../../database/database'
import {
  checksumTables,
  copyTables,
  isDatabaseEmpty,
  requireEqualChecksums,
  type TableChecksum,
} from '../../database/table-copy'
import { operatorEvent } from '../../domain/audit'
import { DomainError } from '../../domain/errors'
import { appendEvents } from '../../store/audit/append'
import { clearAuditLog } from '../../store/audit/resign'
import { completeCopiedRows } from '../../store/derived-columns'
import { replaceKeyFingerprint } from '../../store/key-fingerprint'
import { databaseAt, type Targets } from '../targets'
import { countForStep, type ProgressListener, startRowStep } from './progress'

/**
 * Copies everything from one database into another, empty one, which is created if it does not exist, and verifies the
 * copy. Returns the checksums of the tables. The copy belongs to no secret key: its first server gives it one. Throws a
 * DomainError and leaves the target empty.
 */
export async function copyDatabase(
  { folder, runtime }: Targets,
  between: { from: DatabaseLocation; to: DatabaseLocation },
  onProgress: ProgressListener | null,
): Promise<readonly TableChecksum[]> {
  const from = databaseAt(between.from, folder, runtime)
  const to = databaseAt(between.to, folder, runtime)
  return await from.withSnapshot((source) =>
    to.withExclusive({ create: true }, async (target) => {
      requireAdopted(target, to)
      if (!(await isDatabaseEmpty(target.db))) {
        throw new DomainError('conflict', `${to.name} is not empty: nothing was copied`, {
          hint: 'use a new database, or empty this one with `snailpass recreate-db`',
        })
      }
      return await target.transaction(async () => {
        const total = await from.translateErrors(() => countForStep(source, onProgress))
        const start = (name: string) =>
          startRowStep({ name, total, onProgress, clock: runtime.monotonicClock })
        await clearAuditLog(target.db)
        const read = await copyTables(source, target.db, {
          progress: start('copying'),
          // An error of the source must name the source, although it occurs in work on the target.
          translateErrors: from.translateErrors,
        })
        await completeCopiedRows(target.db)
        for (const { table } of read) await target.engineSql.resumeRowNumbers(target.db, table)
        const written = await checksumTables(target.db, { progress: start('verifying') })
        requireEqualChecksums(read, written, to.name)
        await replaceKeyFingerprint(target.db, null)
        const detail = `from ${from.name}`
        await appendEvents(target.db, () => null, [
          operatorEvent(runtime.clock(), 'copied', { detail }),
        ])
        return written
      })
    }),
  )
}
