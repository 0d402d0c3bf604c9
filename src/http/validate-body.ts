import type { Static, t } from 'elysia'
import { isEmail } from '../domain/email'
import { isStorable } from '../domain/text'
import { FieldErrors, malformedBody } from './http-error'

export type BodySchema = ReturnType<typeof t.Object>

/** What is wrong with a value, in the words of the contract; null when nothing is. */
type Check = (value: unknown) => string | null

interface Field {
  readonly name: string
  /** First stage: presence and type. */
  readonly type: Check
  /** Second stage, run when the first found nothing in any field: emptiness, length, text and format. */
  readonly content: Check
}

const argument = 'This JSON body argument'
const missing = `${argument} is missing at all or it's value is null`

/**
 * Reads bodies of one shape. The schema's own keywords say what is checked; the two stages and their
 * texts are the contract's, which no validator speaks. Prepared once for each schema.
 *
 * The reader throws FieldErrors, or a WireRefusal for what is no object. Members that the schema does
 * not know are left out, as clients send some.
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
    // Each member was just checked against the schema that the type stands for.
    return values as Static<Schema>
  }
}

/** The keywords of JSON Schema that are checked here. */
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
  // Said to people, not checked.
  'description',
])

/** Throws, at the start of the program, for a keyword that would be promised and go unchecked. */
function parseKeywords(property: Readonly<Record<string, unknown>>): Keywords {
  for (const keyword of Object.keys(property)) {
    if (!knownKeywords.has(keyword)) throw new Error(`nobody checks the keyword ${keyword}`)
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

/** Counts Unicode code points, but only where their number can decide. */
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

/** The members that the schema knows. A body of `null` has none of them; the original treats it so. */
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
