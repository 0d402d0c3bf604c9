import { isFromFuture } from '../domain/backups'
import { minPlausibleTime } from '../domain/known-time'

/** How many daily, weekly and monthly backups to keep. */
export interface RetentionPolicy {
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
}

const day = 24 * 60 * 60_000

/** Returns a text that is equal for all times of the same day, week or month in UTC. A week begins on Monday (ISO 8601). */
const periodKeys: Readonly<Record<keyof RetentionPolicy, (time: number) => string>> = {
  daily: (time) => new Date(time).toISOString().slice(0, 10),
  // 1 January 1970 was a Thursday.
  weekly: (time) => String(Math.floor((time / day + 3) / 7)),
  monthly: (time) => new Date(time).toISOString().slice(0, 7),
}

/**
 * Returns the backups to remove. The last backup of each of the newest days, weeks and months is kept, and so is the newest
 * backup in any case. Days without a backup do not count, so a server that was off for long loses none.
 *
 * A backup with an impossible time was taken while the clock was wrong, and nothing tells when. It never counts as the newest,
 * and is kept for about as long as a daily one: until as many newer backups exist as there are daily ones. `now` must be
 * plausible.
 */
export function selectExpired<Backup extends { readonly time: number }>(
  backups: readonly Backup[],
  policy: RetentionPolicy,
  now: number,
): readonly Backup[] {
  const isDated = ({ time }: Backup) => time >= minPlausibleTime && !isFromFuture(time, now)
  const newestFirst = backups.filter(isDated).toSorted((one, other) => other.time - one.time)
  const kept = new Set(newestFirst.slice(0, 1))
  for (const period of ['daily', 'weekly', 'monthly'] as const) {
    const lastByPeriod = new Map<string, Backup>()
    for (const backup of newestFirst) {
      const key = periodKeys[period](backup.time)
      if (!lastByPeriod.has(key)) lastByPeriod.set(key, backup)
    }
    for (const backup of [...lastByPeriod.values()].slice(0, policy[period])) kept.add(backup)
  }
  const count = Math.max(policy.daily, 1)
  const recent = newestFirst.filter(({ time }) => time > now - (count + 1) * day)
  const recentDays = new Set(recent.map(({ time }) => periodKeys.daily(time)))
  const keepsUndated = recentDays.size < count
  return backups.filter((backup) => (isDated(backup) ? !kept.has(backup) : !keepsUndated))
}
