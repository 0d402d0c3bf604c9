import { t } from 'elysia'
import type { MasterPasswordChange } from '../domain/master-password'
import { ownProperty } from '../domain/untrusted'
import { listAt, parseFields, requireDistinct, requireObject, validateAt } from './body-parts'
import { FieldInput, NoteBody, RecordBody, SignUpBody } from './schemas'
import { createBodyValidator } from './validate-body'

const CredentialsPart = t.Object({
  ...t.Pick(SignUpBody, ['master_password_hash', 'hint']).properties,
  email: t.Optional(t.String({ description: 'The one that the new keys were made with' })),
  state: t.String({ minLength: 1, description: 'The state of the vault that was encrypted again' }),
})

const RecordPart = t.Omit(RecordBody, ['is_favorite', 'is_deleted'])
const NotePart = t.Omit(NoteBody, ['is_favorite', 'is_deleted'])

/** The body of PUT /account/master-password. `parseMasterPasswordChange` checks it. */
export const MasterPasswordBody = t.Object(
  {
    ...CredentialsPart.properties,
    records: t.Array(
      t.Composite([RecordPart, t.Object({ additional_fields: t.Array(FieldInput) })]),
    ),
    notes: t.Array(NotePart),
  },
  { $id: 'MasterPasswordChange' },
)

const validateCredentials = createBodyValidator(CredentialsPart)
const validateRecord = createBodyValidator(RecordPart)
const validateNote = createBodyValidator(NotePart)

/** Throws HttpError and FieldErrors, as `parseVaultChanges`. All of it is checked before anything is changed. */
export function parseMasterPasswordChange(value: unknown): MasterPasswordChange {
  const body = requireObject(value)
  const { master_password_hash: masterPasswordHash, hint, email, state } = validateCredentials(body)
  const records = listAt('records', ownProperty(body, 'records')).map((value, index) => ({
    ...validateAt(`records.${index}`, validateRecord, value),
    additionalFields: parseFields(`records.${index}`, value),
  }))
  const notes = listAt('notes', ownProperty(body, 'notes')).map((value, index) =>
    validateAt(`notes.${index}`, validateNote, value),
  )
  requireDistinct('records', records)
  requireDistinct('notes', notes)
  return {
    masterPasswordHash,
    hint: hint ?? null,
    email: email ?? null,
    state,
    vault: { records, notes },
  }
}
