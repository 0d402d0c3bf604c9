/** A time of day, of this machine's clock on the wall, and for how many minutes after it a server may choose its own. */
export interface DailyTime {
  readonly hour: number
  readonly minute: number
  readonly jitter: number
}

/**
 * The last of the daily times that has come, in milliseconds since 1970; `chance`, from 0 to 1, is the server's own place in
 * the jitter. What was done since then, at whichever server's place, need not be done again.
 */
export function lastDue(
  { hour, minute, jitter }: DailyTime,
  jitterFraction: number,
  now: number,
): number {
  const delay = Math.floor(jitter * jitterFraction)
  for (const daysBack of [0, 1]) {
    const due = new Date(now)
    // As wall clocks do it: on the day of a change of the clock, the hour that is missing or twice there is not skipped.
    due.setDate(due.getDate() - daysBack)
    due.setHours(hour, minute + delay, 0, 0)
    if (due.getTime() <= now) return due.getTime() - delay * 60_000
  }
  throw new Error('a day has no more than one day before it')
}
