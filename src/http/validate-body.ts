import type { Static, t } from 'elysia'
import { isEmail } from '../domain/email'
import { isStorable } from '../domain/text'
import { FieldErrors, malformedBody } from './http-error'

export type BodySchema = ReturnType<typeof t.Object>

/** Returns what is wrong with a value, in the words of the wire contract; null if nothing is. */
type Check = (value: unknown) => string | null

interface Field {
  readonly name: string
  /** The first stage: presence and type. */
  readonly type: Check
  /** The second stage: emptiness, length, text and format. It runs if the first stage finds nothing in any field. */
  readonly content: Check
}

/** Begins what is wrong with a member of a body (wire contract). */
export const argument = 'This JSON body argument'
const missing = `${argument} is missing at all or it's value is null`

/**
 * Returns a function that checks a body against a schema and returns the members that the schema knows. Other members are
 * ignored, because clients send some. The function throws FieldErrors for invalid members, and HttpError if the body is
 * not an object. It is created once for each schema.
 *
 * JSON Schema libraries can't replace this: the two stages and their texts are part of the wire contract.
 */
export function createBodyValidator<Schema extends BodySchema>(
  schema: Schema,
): (body: unknown) => Static<Schema> {
  const required = new Set(schema.required)
  const fields = Object.entries(schema.properties).map(([name, property]) =>
    fieldOf(name, parseKeywords(property), required.has(name)),
  )
  return (body) => {
    const values = pick(fields, body)
    checkFields(fields, values, 'type')
    checkFields(fields, values, 'content')
    // The type is derived from the schema, and each member was just checked against the schema.
    return values as Static<Schema>
  }
}

/** The keywords of JSON Schema that the checks support. */
interface Keywords {
  readonly type: 'string' | 'boolean'
  readonly isNullable: boolean
  readonly minLength: number
  readonly maxLength: number
  readonly pattern: RegExp | null
  readonly isEmail: boolean
}

const knownKeywords = new Set([
  ...['type', 'minLength', 'maxLength', 'pattern', 'format'],
  // For readers of the OpenAPI document; nothing to check.
  'description',
])

/** Throws when the program starts if a schema has a keyword that the OpenAPI document would promise and nothing checks. */
function parseKeywords(property: Readonly<Record<string, unknown>>): Keywords {
  for (const keyword of Object.keys(property)) {
    if (!knownKeywords.has(keyword)) throw new Error(`no check for the keyword ${keyword}`)
  }
  const types = [property['type']].flat()
  const { minLength, maxLength, pattern, format } = property
  return {
    type: types.includes('boolean') ? 'boolean' : 'string',
    isNullable: types.includes('null'),
    minLength: typeof minLength === 'number' ? minLength : 0,
    maxLength: typeof maxLength === 'number' ? maxLength : Number.POSITIVE_INFINITY,
    pattern: typeof pattern === 'string' ? new RegExp(pattern, 'u') : null,
    isEmail: format === 'email',
  }
}

function fieldOf(name: string, keywords: Keywords, isRequired: boolean): Field {
  return {
    name,
    type: (value) => {
      if (value === undefined) return isRequired ? missing : null
      if (value === null) return keywords.isNullable ? null : missing
      if (typeof value === keywords.type) return null
      return `${argument} must be ${keywords.type === 'string' ? 'a string' : 'true or false'}`
    },
    content: (value) => (typeof value === 'string' ? contentProblem(value, keywords) : null),
  }
}

function contentProblem(text: string, keywords: Keywords): string | null {
  if (text === '' && keywords.minLength > 0) return `${argument} is an empty string`
  if (isLonger(text, keywords.maxLength)) {
    return `${argument} is longer than ${keywords.maxLength} characters`
  }
  if (!isStorable(text)) return `${argument} holds characters that can't be stored`
  if (keywords.pattern?.test(text) === false) {
    return `${argument} is in wrong format. Correct format is IV:Data`
  }
  if (keywords.isEmail && !isEmail(text)) return 'Not valid or does not exist'
  return null
}

/** Whether a text has more than `max` Unicode code points. It counts them only if the length in UTF-16 does not decide. */
function isLonger(text: string, max: number): boolean {
  if (text.length <= max) return false
  if (text.length > max * 2) return true
  let count = 0
  for (const _ of text) {
    count++
    if (count > max) return true
  }
  return false
}

/** Returns the members that the schema knows. A body of `null` has none, as with the original server. */
function pick(fields: readonly Field[], body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || Array.isArray(body)) {
    throw malformedBody('The body must be a JSON object')
  }
  const members = new Map(Object.entries(body ?? {}))
  return Object.fromEntries(fields.map(({ name }) => [name, members.get(name)]))
}

function checkFields(
  fields: readonly Field[],
  values: Readonly<Record<string, unknown>>,
  stage: 'type' | 'content',
): void {
  const problems: Record<string, string> = {}
  for (const field of fields) {
    const problem = field[stage](values[field.name])
    if (problem !== null) problems[field.name] = problem
  }
  if (Object.keys(problems).length > 0) throw new FieldErrors(problems)
}
