/**
 * Whether every engine stores this text as it is: a NUL ends a text in Postgres, and a lone surrogate has
 * no UTF-8 form, so that SQLite would silently store another character in its place.
 */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** What others chose in one line of at most so many characters: it can neither break out of it nor steer a terminal. */
export function sanitizeLine(text: string, maxLength = Number.POSITIVE_INFINITY): string {
  return text
    .replaceAll(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, maxLength)
    .toWellFormed()
}

/** Returns a count with its noun: `1 row`, `2 rows`. `plural` is for nouns that do not just take an s. */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}

/** Returns a duration in seconds for people, rounded up to minutes from 90 s on: `90 seconds` is `2 minutes`. */
export function formatDuration(seconds: number): string {
  return seconds < 90
    ? formatCount(seconds, 'second')
    : formatCount(Math.ceil(seconds / 60), 'minute')
}

/** Returns the day of a time (milliseconds since 1970, UTC): `2026-11-25`. */
export function formatDate(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** Returns a time (milliseconds since 1970, UTC) to the minute: `2026-11-25 16:31 UTC`. */
export function formatTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
