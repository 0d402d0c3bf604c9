/** An object of a file, which may have anything in it. */
export type JsonObject = Readonly<Record<string, unknown>>

export function objectOf(value: unknown): JsonObject | null {
  return isJsonObject(value) ? value : null
}

export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns the text of a text, a number or a yes; nothing for anything else. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || value === true ? String(value) : ''
}

/** Returns the names of members that have a value, but for these. */
export function valuesIn(value: JsonObject, known: ReadonlySet<string>): readonly string[] {
  return Object.keys(value).filter((name) => {
    const member = value[name]
    const isEmpty =
      member === null ||
      member === '' ||
      member === false ||
      (typeof member === 'object' && Object.keys(member).length === 0)
    return !known.has(name) && !isEmpty
  })
}
