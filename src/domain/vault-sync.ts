import { isDeepStrictEqual } from 'node:util'
import { DomainError } from './errors'
import type { Clock } from './runtime'
import { type Session, sessionEnded, writeInSession } from './sessions'
import type { ReadTransaction, Store } from './store'
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
import { sizesOf, type VaultGrowth, type VaultQuota } from './vault-quota'
import { vaultStateOf } from './vault-state'

/** Entries of a vault in one state. */
export interface VaultEntries {
  /** See `vaultStateOf`. */
  readonly state: string
  readonly records: readonly Revised<VaultRecordWithFields>[]
  readonly notes: readonly Revised<Note>[]
}

/** A whole vault, with what a client needs to know of its account. */
export interface WholeVault extends VaultEntries {
  readonly email: string
  readonly hint: string | null
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
}

export interface VaultChanges {
  readonly records: readonly EntryChange<RecordWithFieldsInput>[]
  readonly notes: readonly EntryChange<NoteInput>[]
}

/** Some entries are not, or no longer, as the client has read them. Nothing was changed. */
export class OutdatedError extends DomainError {
  /** Those entries as they are; the ones that are gone are missing. */
  readonly present: VaultEntries

  constructor(present: VaultEntries) {
    super('outdated', 'Some entries were changed meanwhile')
    this.present = present
  }
}

/** Reading and writing a whole vault. */
export interface VaultSync {
  read(session: Session): Promise<WholeVault>

  /**
   * Makes all changes, or none, and returns the entries that were named and are left. A new entry that is there with the same content
   * already counts as made, so that a request can be repeated. Throws `OutdatedError`; `conflict` if an id is taken by another
   * account, or that of a field by another record; `vault_full`.
   */
  write(session: Session, changes: VaultChanges): Promise<VaultEntries>
}

export function createVaultSync(deps: {
  store: Store
  clock: Clock
  quota: VaultQuota
}): VaultSync {
  const { store, clock, quota } = deps
  return {
    read: ({ user: { id }, request }) =>
      store.read(async (tx) => {
        const user = await tx.users.findById(id)
        if (user === null) throw sessionEnded()
        const [records, notes] = [await tx.records.listByOwner(id), await tx.notes.listByOwner(id)]
        return { state: vaultStateOf(user), email: user.email, hint: user.hint, records, notes }
      }, request),

    write: (session, changes) =>
      writeInSession(store, session, async (vault, tx) => {
        // A refusal undoes what has raised the revision.
        const before = { id: vault.owner, revision: vault.revision - 1 }
        const present = { ...(await listNamed(vault, tx, changes)), state: vaultStateOf(before) }
        const pending = requireCurrent(changes, present)
        await quota.charge(tx, growthOf(vault, pending), async () => {
          await makeChanges(vault, pending, clock())
          return true
        })
        return await listNamed(vault, tx, changes)
      }),
  }
}

/** Returns the entries that changes name, as they are in the transaction now. */
async function listNamed(
  { owner, revision }: WritableVault,
  tx: Pick<ReadTransaction, 'records' | 'notes'>,
  { records, notes }: VaultChanges,
): Promise<VaultEntries> {
  const idOf = ({ id }: { readonly id: string }) => id
  return {
    state: vaultStateOf({ id: owner, revision }),
    records: await tx.records.listByIds(owner, records.map(idOf)),
    notes: await tx.notes.listByIds(owner, notes.map(idOf)),
  }
}

/** Returns the changes that are still to be made. Throws OutdatedError if some are based on another revision. */
function requireCurrent(changes: VaultChanges, present: VaultEntries): VaultChanges {
  const records = compare(changes.records, present.records, isSameRecord)
  const notes = compare(changes.notes, present.notes, isSameNote)
  if (records.isOutdated || notes.isOutdated) {
    const { state } = present
    throw new OutdatedError({ state, records: records.outdated, notes: notes.outdated })
  }
  return { records: records.pending, notes: notes.pending }
}

/** Compares the revisions of changes with those of the entries that are there. */
function compare<Input, Entry extends VaultEntry>(
  changes: readonly EntryChange<Input>[],
  entries: readonly Revised<Entry>[],
  isSame: (input: Input, entry: Entry) => boolean,
) {
  const present = new Map(entries.map((entry) => [entry.id, entry]))
  const pending: EntryChange<Input>[] = []
  const outdated: Revised<Entry>[] = []
  let isOutdated = false
  for (const change of changes) {
    const { id, revision, input } = change
    const entry = present.get(id)
    const isMade =
      revision === null && input !== null && entry !== undefined && isSame(input, entry)
    if (isMade) continue
    if (revision === (entry?.revision ?? null)) {
      pending.push(change)
    } else {
      isOutdated = true
      if (entry !== undefined) outdated.push(entry)
    }
  }
  return { pending, outdated, isOutdated }
}

function isSameRecord(input: RecordWithFieldsInput, record: VaultRecordWithFields): boolean {
  const fields = record.additionalFields.map(({ id, name, value }) => ({ id, name, value }))
  return (
    hasSameFlags(input, record) &&
    input.name === record.name &&
    input.login === record.login &&
    input.password === record.password &&
    isDeepStrictEqual(input.additionalFields, fields)
  )
}

function isSameNote(input: NoteInput, note: Note): boolean {
  return hasSameFlags(input, note) && input.name === note.name && input.content === note.content
}

type Flags = Pick<VaultEntry, 'isFavorite' | 'isTrashed'>

function hasSameFlags(input: Flags, entry: Flags): boolean {
  return input.isFavorite === entry.isFavorite && input.isTrashed === entry.isTrashed
}

/** Returns what changes put into a vault. */
function growthOf({ owner }: WritableVault, { records, notes }: VaultChanges): VaultGrowth {
  const sizes = sizesOf({
    records: records.flatMap(({ input }) => input ?? []),
    notes: notes.flatMap(({ input }) => input ?? []),
  })
  const isNew = [...records, ...notes].every(({ revision }) => revision === null)
  return { owner, ...sizes, isNew }
}

/** Makes changes of which the revisions are current. */
async function makeChanges(
  vault: WritableVault,
  { records, notes }: VaultChanges,
  now: number,
): Promise<void> {
  const replaced = records.filter(({ revision }) => revision !== null)
  // All fields leave before the first one comes: one may move to another record.
  await vault.additionalFields.deleteOfRecords(replaced.map(({ id }) => id))
  for (const change of records) await makeChange(vault.records, change, { noun: 'Record', now })
  for (const { id, input } of records) {
    if (!(await vault.additionalFields.insertAll(id, input?.additionalFields ?? [])))
      throw takenError(`One of the additional fields of record ${id}`)
  }
  for (const change of notes) await makeChange(vault.notes, change, { noun: 'Note', now })
}

async function makeChange<Content>(
  entries: EntryWrites<Content>,
  { id, revision, input }: EntryChange<Content & Pick<VaultEntry, 'id' | keyof Flags>>,
  { noun, now }: { noun: string; now: number },
): Promise<void> {
  if (input === null) await entries.delete(id)
  else if (revision !== null) await entries.update({ ...input, updateTime: now })
  else if (!(await entries.insert({ ...input, creationTime: now, updateTime: now })))
    throw takenError(`${noun} with id ${id}`)
}

function takenError(what: string): DomainError {
  return new DomainError('conflict', `${what} already exists`)
}
