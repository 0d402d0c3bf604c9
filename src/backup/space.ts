import { statSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { freeSpace } from '../files/free-space'

/** What is to be had in a folder, in bytes. */
export interface SpaceNeed {
  readonly folder: string
  /** Written there. */
  readonly toWrite?: number
  /** Left free there for others. */
  readonly keepFree?: number
}

/**
 * Looks before the work whether each disk has space for all of it, so that the end of it does not find the disk full, and
 * servers with it. What the system does not tell is enough. Throws `storage_full`.
 */
export function requireSpace(
  needs: readonly SpaceNeed[],
  measure: typeof freeSpace = freeSpace,
): void {
  const onDisks = needs.map((need) => ({ ...need, disk: statSync(need.folder).dev }))
  for (const { folder, disk } of onDisks) {
    const here = onDisks.filter((need) => need.disk === disk)
    const toWrite = here.reduce((sum, need) => sum + (need.toWrite ?? 0), 0)
    const keepFree = here.reduce((sum, need) => sum + (need.keepFree ?? 0), 0)
    const free = measure(folder) ?? Number.POSITIVE_INFINITY
    if (toWrite === 0 || free >= toWrite + keepFree) continue
    const reserve =
      keepFree === 0
        ? ''
        : `, of which ${formatMegabytes(keepFree)} are the database's to grow into`
    throw new DomainError(
      'storage_full',
      `no space is left for an archive: it takes about ${formatMegabytes(toWrite)}, and ${formatMegabytes(free)} are free in ${folder}${reserve}`,
      {
        hint: 'make space on that disk, or name another place with --to or SNAILPASS_BACKUP_DIR',
      },
    )
  }
}

function formatMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
