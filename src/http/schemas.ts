import { type Static, t } from 'elysia'
import type { User } from '../domain/user'
import type { SignUp } from '../domain/users'
import type {
  AdditionalField,
  Note,
  NoteInput,
  RecordInput,
  VaultEntry,
  VaultRecordWithFields,
} from '../domain/vault'

/*
 * The shapes of all bodies on the wire, as the clients know them. Each is one JSON Schema, which gives the TypeScript type,
 * stands in the OpenAPI document under the name `$id`, and, for bodies that clients send, is what `createBodyValidator`
 * checks. `to…` functions turn a body into a domain type, `from…` functions the other way round.
 */

/** Maximum lengths, in Unicode code points. */
const maxTextLength = 100
const maxCiphertextLength = 64 * 1024
const maxNoteLength = 512 * 1024

const text = (maxLength: number) => t.String({ minLength: 1, maxLength })
const id = () => text(maxTextLength)
const ciphertext = (maxLength: number = maxCiphertextLength) =>
  t.String({
    minLength: 1,
    maxLength,
    description: 'base64(data):base64(iv), encrypted by the client',
    pattern: '^[^:]*:[^:]*$',
  })
const flag = () => t.Boolean()
const time = () =>
  t.String({ description: 'RFC 822 in UTC, for example `Mon, 23 Nov 2026 16:31:04 -0000`' })

export const SignUpBody = t.Object(
  {
    id: id(),
    email: t.String({ minLength: 1, maxLength: maxTextLength, format: 'email' }),
    master_password_hash: text(512),
    hint: t.Optional(
      t.Unsafe<string | null>({ type: ['string', 'null'], maxLength: maxTextLength }),
    ),
  },
  { $id: 'SignUp' },
)

export function toSignUp(body: Static<typeof SignUpBody>): SignUp {
  return {
    id: body.id,
    email: body.email,
    masterPasswordHash: body.master_password_hash,
    hint: body.hint ?? null,
  }
}

export const UserResponse = t.Object(
  {
    id: t.String(),
    email: t.String(),
    hint: t.Unsafe<string | null>({ type: ['string', 'null'] }),
  },
  { $id: 'User' },
)

export function fromUser({
  id,
  email,
  hint,
}: Pick<User, 'id' | 'email' | 'hint'>): Static<typeof UserResponse> {
  return { id, email, hint }
}

export const TokenResponse = t.Object(
  {
    token: t.String({ description: 'Session token, for the header x-access-token' }),
  },
  { $id: 'Token' },
)

export const AdditionalFieldBody = t.Object(
  {
    id: id(),
    name: ciphertext(),
    value: ciphertext(),
    record_id: id(),
  },
  { $id: 'AdditionalFieldInput' },
)

/** An additional field within its record. */
export const FieldInput = t.Omit(AdditionalFieldBody, ['record_id'])

export function toAdditionalField(body: Static<typeof AdditionalFieldBody>): AdditionalField {
  return { id: body.id, recordId: body.record_id, name: body.name, value: body.value }
}

export const AdditionalFieldResponse = t.Object(
  {
    id: t.String(),
    name: t.String(),
    value: t.String(),
    record_id: t.String(),
  },
  { $id: 'AdditionalField' },
)

export function fromAdditionalField(
  field: AdditionalField,
): Static<typeof AdditionalFieldResponse> {
  return { id: field.id, name: field.name, value: field.value, record_id: field.recordId }
}

export const RecordBody = t.Object(
  {
    id: id(),
    name: ciphertext(),
    login: ciphertext(),
    password: ciphertext(),
    is_favorite: flag(),
    is_deleted: flag(),
  },
  { $id: 'RecordInput' },
)

export function toRecord(body: Static<typeof RecordBody>): RecordInput {
  const { id, name, login, password } = body
  return { id, name, login, password, isFavorite: body.is_favorite, isTrashed: body.is_deleted }
}

const entryProperties = {
  user_id: t.String(),
  is_favorite: t.Boolean(),
  is_deleted: t.Boolean({ description: 'Whether it is in the trash' }),
  creation_time: time(),
  update_time: time(),
}

export const RecordResponse = t.Object(
  {
    id: t.String(),
    name: t.String(),
    login: t.String(),
    password: t.String(),
    ...entryProperties,
    additional_fields: t.Array(AdditionalFieldResponse),
  },
  { $id: 'Record' },
)

export function fromRecord(record: VaultRecordWithFields): Static<typeof RecordResponse> {
  return {
    id: record.id,
    name: record.name,
    login: record.login,
    password: record.password,
    ...fromVaultEntry(record),
    additional_fields: record.additionalFields.map(fromAdditionalField),
  }
}

export const NoteBody = t.Object(
  {
    id: id(),
    name: ciphertext(),
    content: ciphertext(maxNoteLength),
    is_favorite: flag(),
    is_deleted: flag(),
  },
  { $id: 'NoteInput' },
)

export function toNote(body: Static<typeof NoteBody>): NoteInput {
  const { id, name, content } = body
  return { id, name, content, isFavorite: body.is_favorite, isTrashed: body.is_deleted }
}

export const NoteResponse = t.Object(
  {
    id: t.String(),
    name: t.String(),
    content: t.String(),
    ...entryProperties,
  },
  { $id: 'Note' },
)

export function fromNote(note: Note): Static<typeof NoteResponse> {
  return { id: note.id, name: note.name, content: note.content, ...fromVaultEntry(note) }
}

/** Returns the members that records and notes share. */
export function fromVaultEntry(entry: VaultEntry) {
  const creationTime = formatRfc822(entry.creationTime)
  return {
    user_id: entry.owner,
    is_favorite: entry.isFavorite,
    is_deleted: entry.isTrashed,
    creation_time: creationTime,
    // Formatting times is the largest cost of a long list, and most entries were never changed.
    update_time:
      entry.updateTime === entry.creationTime ? creationTime : formatRfc822(entry.updateTime),
  }
}

/** Returns a time in RFC 822 with a numeric zone (wire contract). `toUTCString` differs only in the zone. */
function formatRfc822(time: number): string {
  return new Date(time).toUTCString().replace('GMT', '-0000')
}

export const SuccessResponse = t.Object(
  { message: t.Object({ success: t.String() }) },
  { $id: 'Success' },
)

export const ErrorResponse = t.Object(
  { message: t.Object({ error: t.String({ description: 'KIND. DETAIL' }) }) },
  { $id: 'Error' },
)

export const FieldErrorsResponse = t.Object(
  {
    message: t.Object(
      { error: t.String({ description: 'Invalid Parameter. MEMBER: PROBLEM; …' }) },
      {
        additionalProperties: t.String(),
        description: 'What is wrong with each invalid member of the body',
      },
    ),
  },
  { $id: 'FieldErrors' },
)

/** Returns the body of a success that has no data. */
export function success(text: string): Static<typeof SuccessResponse> {
  return { message: { success: text } }
}

/** What the web vault reads, and writes. */
export type WireRecord = Static<typeof RecordResponse>
export type WireNote = Static<typeof NoteResponse>
export type WireRecordInput = Static<typeof RecordBody>
export type WireNoteInput = Static<typeof NoteBody>
export type WireFieldInput = Static<typeof FieldInput>
