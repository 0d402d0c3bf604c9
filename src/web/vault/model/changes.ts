import { type Decrypted, encryptText, isReadable } from '../crypto/ciphertexts'
import type { OpenEntry, OpenNote, OpenRecord } from './entries'
import type { WireChanges, WireDeletion, WireNoteChange, WireRecordChange } from './wire'

/** A record as it is to be, and the revision it was made on; null for a new one. Every `OpenRecord` is one, too. */
export type RecordDraft = Draft<OpenRecord>
export type NoteDraft = Draft<OpenNote>
export type EntryDraft = RecordDraft | NoteDraft

type Draft<Entry extends OpenEntry> = Omit<Entry, 'revision' | 'created' | 'updated'> & {
  readonly revision: number | null
}

/** The permanent deletion of an entry that was read with this revision. */
export interface DeletionDraft {
  readonly kind: OpenEntry['kind']
  readonly id: string
  readonly revision: number
  readonly isDeletion: true
}

export type ChangeDraft = EntryDraft | DeletionDraft

export function deletionOf({ kind, id, revision }: OpenEntry): DeletionDraft {
  return { kind, id, revision, isDeletion: true }
}

function isDeletion(draft: ChangeDraft): draft is DeletionDraft {
  return 'isDeletion' in draft
}

/** A change that is ready to be sent, into a vault that has the same key. */
export type EncryptedChange = { readonly key: CryptoKey } & (
  | { readonly kind: 'record'; readonly change: WireRecordChange | WireDeletion }
  | { readonly kind: 'note'; readonly change: WireNoteChange | WireDeletion }
)

/** Encrypts a change under fresh IVs, but for values that can't be read, which stay as they are. */
export async function encryptChange(key: CryptoKey, draft: ChangeDraft): Promise<EncryptedChange> {
  if (isDeletion(draft)) {
    const { kind, id, revision } = draft
    return { key, kind, change: { id, revision, delete: true } }
  }
  const seal = (value: Decrypted) =>
    isReadable(value) ? encryptText(key, value) : Promise.resolve(value.ciphertext)
  return draft.kind === 'record'
    ? { key, kind: 'record', change: await recordChange(draft, seal) }
    : { key, kind: 'note', change: await noteChange(draft, seal) }
}

type Seal = (value: Decrypted) => Promise<string>

async function recordChange(draft: RecordDraft, seal: Seal): Promise<WireRecordChange> {
  // An empty field keeps the Android app from saving its record.
  const fields = draft.fields.filter(({ name, value }) => name !== '' && value !== '')
  const [name, login, password, ...sealed] = await Promise.all([
    seal(draft.name),
    seal(draft.login),
    seal(draft.password),
    ...fields.map(async (field) => ({
      id: field.id,
      name: await seal(field.name),
      value: await seal(field.value),
    })),
  ])
  return { ...headOf(draft), name, login, password, additional_fields: sealed }
}

async function noteChange(draft: NoteDraft, seal: Seal): Promise<WireNoteChange> {
  const [name, content] = await Promise.all([seal(draft.name), seal(draft.content)])
  return { ...headOf(draft), name, content }
}

function headOf({ id, revision, isFavorite, isTrashed }: EntryDraft) {
  return { id, revision, is_favorite: isFavorite, is_deleted: isTrashed }
}

/** Returns the body of POST /account/vault. */
export function toWireChanges(changes: readonly EncryptedChange[]): WireChanges {
  return {
    records: changes.flatMap((each) => (each.kind === 'record' ? [each.change] : [])),
    notes: changes.flatMap((each) => (each.kind === 'note' ? [each.change] : [])),
  }
}

/** What a refused change (412) is beside the entries as they are now. */
export type Comparison =
  /** The change can be sent again: its entry is as it was read. */
  | { readonly outcome: 'current'; readonly mine: ChangeDraft }
  /** The vault has what the change wants: an earlier request has made it, and its answer was lost. */
  | { readonly outcome: 'made'; readonly mine: ChangeDraft }
  /** Somebody else has changed the entry, or deleted it: both versions, for a person to choose from. */
  | {
      readonly outcome: 'conflict'
      readonly mine: ChangeDraft
      readonly theirs: OpenEntry | null
    }

/**
 * Compares refused changes with entries. These are all of the vault, read again; or those of the answer 412 to a request with one
 * change, in which a missing entry is one that is gone.
 */
export function compareChanges(
  drafts: readonly ChangeDraft[],
  entries: readonly OpenEntry[],
): readonly Comparison[] {
  const present = new Map(entries.map((entry) => [`${entry.kind} ${entry.id}`, entry]))
  return drafts.map((mine) => {
    const theirs = present.get(`${mine.kind} ${mine.id}`) ?? null
    if (isMade(mine, theirs)) return { outcome: 'made', mine }
    if ((theirs?.revision ?? null) === mine.revision) return { outcome: 'current', mine }
    return { outcome: 'conflict', mine, theirs }
  })
}

function isMade(mine: ChangeDraft, theirs: OpenEntry | null): boolean {
  if (isDeletion(mine)) return theirs === null
  return theirs !== null && isSameContent(mine, theirs)
}

/** Whether two versions of an entry say the same, whatever their revisions. */
export function isSameContent(one: EntryDraft, other: EntryDraft): boolean {
  return JSON.stringify(contentOf(one)) === JSON.stringify(contentOf(other))
}

function contentOf(entry: EntryDraft): readonly unknown[] {
  const head = [entry.kind, entry.name, entry.isFavorite, entry.isTrashed]
  if (entry.kind === 'note') return [...head, entry.content]
  const fields = entry.fields.map(({ name, value }) => [name, value])
  return [...head, entry.login, entry.password, fields]
}

/** A value that two versions of an entry do not share; null where one has no such field. */
export interface Difference {
  /** A member of the entry, or the name of an additional field. */
  readonly at: { readonly member: string } | { readonly field: Decrypted }
  readonly mine: Decrypted | boolean | null
  readonly theirs: Decrypted | boolean | null
}

/** Returns what differs between two versions, for the dialog that shows both. */
export function differencesOf(mine: EntryDraft, theirs: EntryDraft): readonly Difference[] {
  const [own, other] = [namedValues(mine), namedValues(theirs)]
  return [...new Map([...own, ...other])].flatMap(([key, { at }]) => {
    const values = { mine: own.get(key)?.value ?? null, theirs: other.get(key)?.value ?? null }
    return JSON.stringify(values.mine) === JSON.stringify(values.theirs) ? [] : [{ at, ...values }]
  })
}

interface NamedValue {
  readonly at: Difference['at']
  readonly value: Decrypted | boolean
}

/** Returns all that a version says, for one that has nothing to be compared with. */
export function valuesOf(entry: EntryDraft): readonly NamedValue[] {
  return [...namedValues(entry).values()].filter(({ value }) => value !== '')
}

/** Returns all values of an entry by a key under which the same value of another version is found. */
function namedValues(entry: EntryDraft): ReadonlyMap<string, NamedValue> {
  const { name, isFavorite, isTrashed } = entry
  const members =
    entry.kind === 'note'
      ? { name, content: entry.content, isFavorite, isTrashed }
      : { name, login: entry.login, password: entry.password, isFavorite, isTrashed }
  const values = new Map<string, NamedValue>()
  for (const [member, value] of Object.entries(members))
    values.set(`member ${member}`, { at: { member }, value })
  for (const { name: field, value } of entry.kind === 'note' ? [] : entry.fields) {
    // Two fields may have one name.
    let key = `field ${JSON.stringify(field)}`
    while (values.has(key)) key += '+'
    values.set(key, { at: { field }, value })
  }
  return values
}
