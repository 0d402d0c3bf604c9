/**
 * Returns whether every engine stores a text unchanged. Postgres can't store NUL; SQLite silently replaces a lone surrogate,
 * which has no UTF-8 form.
 */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/**
 * Returns a text from outside as one line of at most `maxLength` UTF-16 units. Control, bidirectional and line separator
 * characters become spaces, so it can't start a new line or control a terminal.
 */
export function sanitizeLine(text: string, maxLength = Number.POSITIVE_INFINITY): string {
  return text
    .replaceAll(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, maxLength)
    .toWellFormed()
}

/**
 * What must not reach a terminal or a log as it is, wherever somebody else chose a part of the text: control characters (C0, C1,
 * line ends), bidirectional and other invisible format characters, and halves of a surrogate pair. Not the joiners, of which
 * emoji and some scripts are made.
 */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Returns a text as one line that can be shown: `\n`, `\u{1b}` and the like in place of unprintable characters. */
export function escapeUnprintable(text: string): string {
  return text.replaceAll(
    unprintable,
    (character) =>
      shortEscapes[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}

/**
 * Returns the JSON of a value with its unprintable characters escaped, which `JSON.stringify` leaves as they are from U+007F on.
 * It means the same to every parser.
 */
export function stringifyPrintable(value: unknown, indent = 0): string {
  const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value, null, indent).replaceAll(unprintable, (character) =>
    // The line ends between members.
    character === '\n' ? character : character.split('').map(escapeUnit).join(''),
  )
}

/** Returns a word as a POSIX shell reads it back: in quotes if it needs them. */
export function shellQuote(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** Returns a count with its noun: `1 row`, `2 rows`. `plural` is for irregular nouns. */
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
