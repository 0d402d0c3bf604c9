/** The parts of a body with many entries. An error names a member by its place: `records.3.additional_fields.0.name`. */
import { ownProperty } from '../domain/untrusted'
import type { AdditionalFieldChange } from '../domain/vault'
import { FieldErrors, malformedBody } from './http-error'
import { FieldInput } from './schemas'
import { argument, createBodyValidator } from './validate-body'

const validateField = createBodyValidator(FieldInput)

/** Returns a body that is an object. Throws HttpError for any other. */
export function requireObject(body: unknown): object {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body
  throw malformedBody('The body must be a JSON object')
}

/** Parses the additional fields of a record. */
export function parseFields(place: string, value: unknown): readonly AdditionalFieldChange[] {
  const member = `${place}.additional_fields`
  const fields = listAt(member, ownProperty(value, 'additional_fields')).map((field, index) => {
    const { id, name, value } = validateAt(`${member}.${index}`, validateField, field)
    return { id, name, value }
  })
  requireDistinct(member, fields)
  return fields
}

export function listAt(place: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new FieldErrors({ [place]: `${argument} must be an array` })
}

/** Two changes of one entry would depend on their order. */
export function requireDistinct(place: string, entries: readonly { readonly id: string }[]): void {
  const seen = new Set<string>()
  for (const [index, { id }] of entries.entries()) {
    if (seen.has(id)) throw problemAt(`${place}.${index}`, 'id', `${argument} is there twice`)
    seen.add(id)
  }
}

/** Validates a part of the body, and names its members by their places. */
export function validateAt<Body>(
  place: string,
  validate: (body: unknown) => Body,
  value: unknown,
): Body {
  try {
    return validate(value)
  } catch (error) {
    if (!(error instanceof FieldErrors)) throw error
    const members = Object.entries(error.fields)
    throw new FieldErrors(
      Object.fromEntries(members.map(([member, text]) => [`${place}.${member}`, text])),
    )
  }
}

export function problemAt(place: string, member: string, text: string): FieldErrors {
  return new FieldErrors({ [`${place}.${member}`]: text })
}
