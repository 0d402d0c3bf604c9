import { type TSchema, t } from 'elysia'
import { ownProperty } from '../domain/untrusted'
import type { EntryChange, VaultChanges } from '../domain/vault-changes'
import {
  listAt,
  parseFields,
  problemAt,
  requireDistinct,
  requireObject,
  validateAt,
} from './body-parts'
import { FieldErrors } from './http-error'
import { FieldInput, NoteBody, RecordBody, toNote, toRecord } from './schemas'
import { argument, createBodyValidator } from './validate-body'

/** Maximum number of entries that one request changes. */
const maxChanges = 500

const revision = t.Unsafe<number | null>({
  type: ['integer', 'null'],
  description: 'The one that the client has read; null for a new entry',
})

const Deletion = t.Object(
  { id: t.String(), revision: t.Unsafe<number>({ type: 'integer' }), delete: t.Literal(true) },
  { $id: 'EntryDeletion' },
)

const changeOf = (entry: TSchema) => t.Union([entry, Deletion])

/** The body of POST /account/vault. `parseVaultChanges` checks it. */
export const VaultChangesBody = t.Object(
  {
    records: t.Optional(
      t.Array(
        changeOf(
          t.Composite([
            t.Omit(RecordBody, []),
            t.Object({ revision, additional_fields: t.Array(FieldInput) }),
          ]),
        ),
        { maxItems: maxChanges },
      ),
    ),
    notes: t.Optional(
      t.Array(changeOf(t.Composite([t.Omit(NoteBody, []), t.Object({ revision })])), {
        maxItems: maxChanges,
      }),
    ),
  },
  { $id: 'VaultChanges' },
)

const validateRecord = createBodyValidator(RecordBody)
const validateNote = createBodyValidator(NoteBody)

/** Throws HttpError and FieldErrors, in which a member is named by its place: `records.3.additional_fields.0.name`. */
export function parseVaultChanges(value: unknown): VaultChanges {
  const body = requireObject(value)
  const records = parseChanges('records', ownProperty(body, 'records'), (value, place) => ({
    ...toRecord(validateAt(place, validateRecord, value)),
    additionalFields: parseFields(place, value),
  }))
  const notes = parseChanges('notes', ownProperty(body, 'notes'), (value, place) =>
    toNote(validateAt(place, validateNote, value)),
  )
  if (records.length + notes.length > maxChanges) {
    throw new FieldErrors({
      records: `${argument} holds more than ${maxChanges} entries with notes`,
    })
  }
  return { records, notes }
}

/** Parses the changes of one kind of entry. */
function parseChanges<Input extends { readonly id: string }>(
  place: string,
  values: unknown,
  parseInput: (value: unknown, place: string) => Input,
): readonly EntryChange<Input>[] {
  const changes = listAt(place, values ?? []).map((value, index): EntryChange<Input> => {
    const own = `${place}.${index}`
    const revision = ownProperty(value, 'revision')
    const isNumber = typeof revision === 'number' && Number.isSafeInteger(revision)
    if (ownProperty(value, 'delete') === true) {
      const id = ownProperty(value, 'id')
      if (typeof id !== 'string') throw problemAt(own, 'id', `${argument} must be a string`)
      if (!isNumber) throw problemAt(own, 'revision', `${argument} must be an integer`)
      return { id, revision, input: null }
    }
    if (!isNumber && revision !== null)
      throw problemAt(own, 'revision', `${argument} must be an integer or null`)
    const input = parseInput(value, own)
    return { id: input.id, revision, input }
  })
  requireDistinct(place, changes)
  return changes
}
