/** A daily time in this machine's time zone. Each server adds a delay of its own, of up to `jitter` minutes. */
export interface DailyTime {
  readonly hour: number
  readonly minute: number
  readonly jitter: number
}

/**
 * Returns the most recent daily time, without jitter, for which a server with the delay `jitterFraction` (0 to 1) of the
 * jitter is due at `now`. Both times are in milliseconds since 1970 (UTC). A backup that any server has created since that
 * time need not be repeated.
 */
export function lastDue(
  { hour, minute, jitter }: DailyTime,
  jitterFraction: number,
  now: number,
): number {
  const delay = Math.floor(jitter * jitterFraction)
  for (const daysBack of [0, 1]) {
    const due = new Date(now)
    // setHours works in local time, so days on which the clocks change are not skipped.
    due.setDate(due.getDate() - daysBack)
    due.setHours(hour, minute + delay, 0, 0)
    if (due.getTime() <= now) return due.getTime() - delay * 60_000
  }
  throw new Error('a day has no more than one day before it')
}
