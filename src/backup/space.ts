import { statSync } from 'node:fs'
import { freeSpace } from '../files/free-space'
import { backupSpaceError } from './faults'

/** How much space a backup needs in a folder. */
export interface SpaceNeed {
  readonly folder: string
  /** Bytes that the backup writes there. */
  readonly toWrite?: number
  /** Bytes that must stay free there for other files. */
  readonly keepFree?: number
}

/**
 * Checks before a backup that each disk has space for all that is written to it: a full disk would stop the servers too.
 * Unknown free space counts as enough. Throws `storage_full`.
 */
export function requireSpace(
  needs: readonly SpaceNeed[],
  measure: typeof freeSpace = freeSpace,
): void {
  const onDisks = needs.map((need) => ({ ...need, disk: statSync(need.folder).dev }))
  for (const { folder, disk } of onDisks) {
    const sameDisk = onDisks.filter((need) => need.disk === disk)
    const toWrite = sameDisk.reduce((sum, need) => sum + (need.toWrite ?? 0), 0)
    const keepFree = sameDisk.reduce((sum, need) => sum + (need.keepFree ?? 0), 0)
    const free = measure(folder) ?? Number.POSITIVE_INFINITY
    if (toWrite === 0 || free >= toWrite + keepFree) continue
    const reserve =
      keepFree === 0 ? '' : `, of which ${formatMegabytes(keepFree)} are reserved for the database`
    throw backupSpaceError(
      `not enough space for a backup: it takes about ${formatMegabytes(toWrite)}, and ${formatMegabytes(free)} are free in ${folder}${reserve}`,
    )
  }
}

function formatMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
