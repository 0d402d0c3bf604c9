/**
 * Whether every engine stores this text as it is: a NUL ends a text in Postgres, and a lone surrogate has
 * no UTF-8 form, so that SQLite would silently store another character in its place.
 */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}
