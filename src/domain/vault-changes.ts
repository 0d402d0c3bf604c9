/** Changes of whole entries, several at a time: what they add to a vault, and how they are made. */
import { isDeepStrictEqual } from 'node:util'
import { DomainError } from './errors'
import type {
  AdditionalFieldChange,
  EntryWrites,
  Note,
  NoteInput,
  RecordInput,
  Revised,
  VaultEntry,
  VaultRecordWithFields,
  WritableVault,
} from './vault'
import { sizesOf, type VaultGrowth } from './vault-quota'

/** Entries of a vault in one state. */
export interface VaultEntries {
  /** See `vaultStateOf`. */
  readonly state: string
  readonly records: readonly Revised<VaultRecordWithFields>[]
  readonly notes: readonly Revised<Note>[]
}

/** A record as a client wants it, with all its additional fields. */
export interface RecordWithFieldsInput extends RecordInput {
  readonly additionalFields: readonly AdditionalFieldChange[]
}

/** A change of one entry. */
export interface EntryChange<Input> {
  readonly id: string
  /** The revision that the client has read; null for a new entry. */
  readonly revision: number | null
  /** The whole entry; null to delete it permanently. */
  readonly input: Input | null
  /** What a new entry keeps of the time before it was deleted; by default it is new in every respect. */
  readonly origin?: Pick<VaultEntry, 'creationTime'> & { readonly order: number }
}

export interface VaultChanges {
  readonly records: readonly EntryChange<RecordWithFieldsInput>[]
  readonly notes: readonly EntryChange<NoteInput>[]
}

export function isSameVaultRecord(
  input: RecordWithFieldsInput,
  record: VaultRecordWithFields,
): boolean {
  return (
    hasSameFlags(input, record) &&
    hasSameTexts(input, record) &&
    isDeepStrictEqual(input.additionalFields, fieldsOf(record))
  )
}

function hasSameTexts(input: RecordInput, record: RecordInput): boolean {
  return (
    input.name === record.name && input.login === record.login && input.password === record.password
  )
}

function fieldsOf({ additionalFields }: VaultRecordWithFields): readonly AdditionalFieldChange[] {
  return additionalFields.map(({ id, name, value }) => ({ id, name, value }))
}

export function isSameNote(input: NoteInput, note: Note): boolean {
  return hasSameFlags(input, note) && hasSameNoteTexts(input, note)
}

function hasSameNoteTexts(input: NoteInput, note: NoteInput): boolean {
  return input.name === note.name && input.content === note.content
}

type Flags = Pick<VaultEntry, 'isFavorite' | 'isTrashed'>

function hasSameFlags(input: Flags, entry: Flags): boolean {
  return input.isFavorite === entry.isFavorite && input.isTrashed === entry.isTrashed
}

/** Returns what changes put into a vault. */
export function growthOf({ owner }: WritableVault, { records, notes }: VaultChanges): VaultGrowth {
  const sizes = sizesOf({
    records: records.flatMap(({ input }) => input ?? []),
    notes: notes.flatMap(({ input }) => input ?? []),
  })
  const isNew = [...records, ...notes].every(({ revision }) => revision === null)
  return { owner, ...sizes, isNew }
}

/**
 * Makes changes of which the revisions are current, as the entries in `present` show. Throws `conflict` if an id is taken. What is
 * replaced is kept at once, and not entry by entry.
 */
export async function makeChanges(
  vault: WritableVault,
  { records, notes }: VaultChanges,
  { present, now }: { present: Pick<VaultEntries, 'records' | 'notes'>; now: number },
): Promise<void> {
  const recordDiffs = diffsOf(records, present.records, diffOfRecord)
  const noteDiffs = diffsOf(notes, present.notes, (input, note) => ({
    isReplaced: !hasSameNoteTexts(input, note),
  }))
  await vault.history.keepReplaced(
    'record',
    idsOf(recordDiffs, ({ isReplaced }) => isReplaced),
  )
  await vault.history.keepReplaced(
    'note',
    idsOf(noteDiffs, ({ isReplaced }) => isReplaced),
  )
  await vault.records.deleteAll(deletedIds(records))
  await vault.notes.deleteAll(deletedIds(notes))
  // All fields leave before the first one comes: one may move to another record.
  await vault.additionalFields.deleteOfRecords(idsOf(recordDiffs, ({ losesFields }) => losesFields))
  for (const change of records) await makeChange(vault.records, change, { noun: 'Record', now })
  for (const { id, input } of records) {
    const fields = recordDiffs.get(id)?.newFields ?? input?.additionalFields ?? []
    if (!(await vault.additionalFields.insertAll(id, fields)))
      throw takenError(`One of the additional fields of record ${id}`)
  }
  for (const change of notes) await makeChange(vault.notes, change, { noun: 'Note', now })
}

/** What a change does to a record that is there. */
interface RecordDiff {
  /** Whether ciphertext of it is replaced or deleted. */
  readonly isReplaced: boolean
  /** Whether its fields are inserted again, since it keeps not all of them as they are. */
  readonly losesFields: boolean
  /** The fields to insert. */
  readonly newFields: readonly AdditionalFieldChange[]
}

function diffOfRecord(input: RecordWithFieldsInput, record: VaultRecordWithFields): RecordDiff {
  const { additionalFields: wanted } = input
  const before = fieldsOf(record)
  const losesFields = !isDeepStrictEqual(wanted.slice(0, before.length), before)
  return {
    isReplaced: losesFields || !hasSameTexts(input, record),
    losesFields,
    newFields: losesFields ? wanted : wanted.slice(before.length),
  }
}

/** Returns what changes do to the entries that are there and stay, by their ids. */
function diffsOf<Input, Entry extends VaultEntry, Diff>(
  changes: readonly EntryChange<Input>[],
  present: readonly Entry[],
  diffOf: (input: Input, entry: Entry) => Diff,
): ReadonlyMap<string, Diff> {
  const entries = new Map(present.map((entry) => [entry.id, entry]))
  const diffs = new Map<string, Diff>()
  for (const { id, input } of changes) {
    const entry = entries.get(id)
    if (input !== null && entry !== undefined) diffs.set(id, diffOf(input, entry))
  }
  return diffs
}

function idsOf<Diff>(
  diffs: ReadonlyMap<string, Diff>,
  isChosen: (diff: Diff) => boolean,
): readonly string[] {
  return [...diffs].flatMap(([id, diff]) => (isChosen(diff) ? [id] : []))
}

function deletedIds(changes: readonly EntryChange<unknown>[]): readonly string[] {
  return changes.flatMap(({ id, input }) => (input === null ? [id] : []))
}

async function makeChange<Content>(
  entries: EntryWrites<Content>,
  change: EntryChange<Content & Pick<VaultEntry, 'id' | keyof Flags>>,
  { noun, now }: { noun: string; now: number },
): Promise<void> {
  const { id, revision, input, origin } = change
  if (input === null) return
  if (revision !== null) {
    await entries.update({ ...input, updateTime: now })
    return
  }
  const entry = { ...input, creationTime: origin?.creationTime ?? now, updateTime: now }
  if (!(await entries.insert(entry, origin?.order))) throw takenError(`${noun} with id ${id}`)
}

function takenError(what: string): DomainError {
  return new DomainError('conflict', `${what} already exists`)
}
