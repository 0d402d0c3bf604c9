/** Of how many days, weeks and months the last archive stays. */
export interface RetentionPolicy {
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
}

const day = 24 * 60 * 60_000

/** What a time has in common with the others of its day, week or month, in UTC. A week begins on Monday (ISO 8601). */
const periodKeys: Readonly<Record<keyof RetentionPolicy, (time: number) => string>> = {
  daily: (time) => new Date(time).toISOString().slice(0, 10),
  // The first day of 1970 was a Thursday.
  weekly: (time) => String(Math.floor((time / day + 3) / 7)),
  monthly: (time) => new Date(time).toISOString().slice(0, 7),
}

/**
 * The archives that need not stay: those that are not the last of one of the newest days, weeks and months that have any. Days
 * without an archive do not count, so a server that was off for long throws nothing away; the newest always stays.
 */
export function selectExpired<Backup extends { readonly time: number }>(
  backups: readonly Backup[],
  policy: RetentionPolicy,
): readonly Backup[] {
  const newestFirst = backups.toSorted((one, other) => other.time - one.time)
  const kept = new Set(newestFirst.slice(0, 1))
  for (const period of ['daily', 'weekly', 'monthly'] as const) {
    const last = new Map<string, Backup>()
    for (const backup of newestFirst) {
      const name = periodKeys[period](backup.time)
      if (!last.has(name)) last.set(name, backup)
    }
    for (const backup of [...last.values()].slice(0, policy[period])) kept.add(backup)
  }
  return backups.filter((backup) => !kept.has(backup))
}
