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
