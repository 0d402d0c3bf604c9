/** What stands in place of a member: nothing, and a value of each type. */
export const otherValues = [undefined, null, 'x', 1, 1.5, true, [], {}] as const

/** Copies of an object, each with one of its members replaced by a value of another type, and what is wrong with each. */
export function withWrongMembers(body: object): readonly (readonly [string, object])[] {
  return Object.entries(body).flatMap(([name, value]) =>
    otherValues
      .filter((other) => typeOf(other) !== typeOf(value))
      .map((other) => [`${name}: ${JSON.stringify(other)}`, { ...body, [name]: other }] as const),
  )
}

/** Returns what is wrong with the bodies that a parser takes all the same: it should return null for each. */
export function taken(
  parse: (body: unknown) => unknown,
  bodies: readonly (readonly [string, unknown])[],
): readonly string[] {
  return bodies.filter(([, body]) => parse(body) !== null).map(([what]) => what)
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
