import { ciphertextLength, maxCiphertext } from '../crypto/ciphertexts'
import { encodeUtf8 } from '../crypto/encoding'
import { nameBasedId, sha256Hex } from '../crypto/ids'
import type { EntryDraft } from '../model/changes'
import type { OpenEntry } from '../model/entries'
import { detailsOf, type FieldText, fitFields } from '../model/fields'
import type { ImportItem, ImportRefusal, ImportRemark, ImportRow, ImportSource } from './items'

/** The namespace of ids of imported entries. */
const namespace = '8b0f7f5e-3c1d-4a53-9d0e-0c6a1f2b7d94'

/** What becomes of a row. */
export interface PlannedRow {
  readonly number: number
  readonly name: string
  readonly remarks: readonly ImportRemark[]
  readonly outcome:
    | { readonly kind: 'new'; readonly draft: EntryDraft }
    /** The same entry is in the vault, or in an earlier row. */
    | { readonly kind: 'present'; readonly in: 'vault' | 'file' }
    | { readonly kind: 'refused'; readonly refusal: ImportRefusal }
}

/**
 * Decides for each row of a file, in its order. The ids of new entries depend on the account, the bytes of the file, the meaning of
 * its columns and the row alone: an import that broke off, or is repeated, adds nothing twice, whatever became of its entries since.
 */
export async function planImport(input: {
  bytes: Uint8Array<ArrayBuffer>
  source: ImportSource
  /** Whose vault it is: ids are unique among all accounts, and two people may import one file. */
  email: string
  /** All of the vault. */
  entries: readonly OpenEntry[]
}): Promise<readonly PlannedRow[]> {
  const { source, entries } = input
  const targets = source.columns.map(({ target }) => target)
  const fileId = await sha256Hex(input.bytes)
  const seed = JSON.stringify([input.email, fileId, source.format, ...targets])
  const seedId = await sha256Hex(encodeUtf8(seed))
  const ids = await Promise.all(
    source.rows.map(({ number }) => nameBasedId(namespace, `${seedId} ${number}`)),
  )
  const state: PlanState = {
    knownIds: new Set(entries.map((entry) => entry.id)),
    present: new Map(entries.map((entry) => [keyOf(entry), entry])),
    inFile: new Map(),
  }
  // In turn, since a row may repeat an earlier one; the ids of fields are then computed at once.
  const decided = source.rows.map((row, at) => decide(row, ids[at] ?? '', state))
  return Promise.all(
    decided.map(async ({ outcome, ...row }) => ({
      ...row,
      outcome:
        outcome.kind === 'new' ? { ...outcome, draft: await withIds(outcome.draft) } : outcome,
    })),
  )
}

interface PlanState {
  readonly knownIds: ReadonlySet<string>
  readonly present: ReadonlyMap<string, OpenEntry>
  /** Items of earlier rows. */
  readonly inFile: Map<string, ImportItem>
}

function decide({ number, result }: ImportRow, id: string, state: PlanState): PlannedRow {
  if ('refusal' in result) {
    const { refusal, name } = result
    return { number, name, remarks: [], outcome: { kind: 'refused', refusal } }
  }
  const { item } = result
  const { name } = item
  const key = keyOf(item)
  if (state.knownIds.has(id)) {
    state.inFile.set(key, item)
    return { number, name, remarks: [], outcome: { kind: 'present', in: 'vault' } }
  }
  const other = state.present.get(key) ?? state.inFile.get(key)
  if (other !== undefined) {
    const where = state.present.has(key) ? 'vault' : 'file'
    const remarks = differencesTo(item, other)
    return { number, name, remarks, outcome: { kind: 'present', in: where } }
  }
  const { draft, remarks } = draftOf(item, id)
  const member = longMember(draft)
  if (member !== null) {
    const refusal = { code: 'too-long', member } as const
    return { number, name, remarks: [], outcome: { kind: 'refused', refusal } }
  }
  state.inFile.set(key, item)
  return { number, name, remarks: [...result.remarks, ...remarks], outcome: { kind: 'new', draft } }
}

/** Entries with the same key are the same entry to a person: its name, login, password and addresses. */
function keyOf(entry: OpenEntry | ImportItem): string {
  const head = [entry.kind, entry.isTrashed, entry.name]
  if (entry.kind === 'note') return JSON.stringify([...head, entry.content])
  const { urls } = detailsIn(entry)
  return JSON.stringify([...head, entry.login, entry.password, urls.toSorted()])
}

function detailsIn(entry: (OpenEntry | ImportItem) & { kind: 'record' }) {
  return 'details' in entry ? entry.details : detailsOf(entry)
}

/** Returns a remark if the row of an entry that is there has something that the entry has not. */
function differencesTo(item: ImportItem, other: OpenEntry | ImportItem): readonly ImportRemark[] {
  if (item.kind === 'note' || other.kind === 'note') return []
  // As texts of fields, since an entry has its one-time code as an address, and may have more of its fields in the notes.
  const own = textsIn(fitFields(item.details, item.name).fields)
  const theirs = textsIn(fitFields(detailsIn(other), item.name).fields)
  const members = [...own].flatMap(([name, value]) => (theirs.get(name) === value ? [] : [name]))
  return members.length === 0 ? [] : [{ code: 'differs', members }]
}

function textsIn(texts: readonly FieldText[]): ReadonlyMap<string, string> {
  return new Map(texts.map(({ name, value }) => [name, value]))
}

/** Returns the entry for an item. Its fields have no ids yet. */
function draftOf(
  item: ImportItem,
  id: string,
): { readonly draft: EntryDraft; readonly remarks: readonly ImportRemark[] } {
  const { name, isFavorite, isTrashed } = item
  const head = { id, revision: null, name, isFavorite, isTrashed }
  if (item.kind === 'note')
    return { draft: { kind: 'note', ...head, content: item.content }, remarks: [] }
  const { login, password, details } = item
  const { fields, moved } = fitFields(details, name)
  const remarks: ImportRemark[] = []
  if (moved.length > 0)
    remarks.push({ code: 'moved-to-notes', names: moved.map((text) => text.name) })
  const members = (['login', 'password'] as const).filter((member) => item[member].trim() === '')
  if (members.length > 0) remarks.push({ code: 'android-cant-edit', members })
  const texts = fields.map((text) => ({ id: '', ...text }))
  return { draft: { kind: 'record', ...head, login, password, fields: texts }, remarks }
}

async function withIds(draft: EntryDraft): Promise<EntryDraft> {
  if (draft.kind === 'note') return draft
  const fields = draft.fields.map(async (field, at) => ({
    ...field,
    id: await nameBasedId(draft.id, `${at}`),
  }))
  return { ...draft, fields: await Promise.all(fields) }
}

/** Returns what of an entry the server would refuse as too long, null if nothing. */
function longMember(draft: EntryDraft): string | null {
  const texts: readonly (readonly [string, unknown, number])[] =
    draft.kind === 'note'
      ? [['content', draft.content, maxCiphertext.noteContent]]
      : [
          ['login', draft.login, maxCiphertext.value],
          ['password', draft.password, maxCiphertext.value],
          ...draft.fields.flatMap(({ name, value }) => [
            [String(name), value, maxCiphertext.value] as const,
            [String(name), name, maxCiphertext.value] as const,
          ]),
        ]
  const all = [['name', draft.name, maxCiphertext.value] as const, ...texts]
  const long = all.find(([, text, max]) => typeof text === 'string' && ciphertextLength(text) > max)
  return long?.[0] ?? null
}

/** The numbers of a report. */
export function countOutcomes(plan: readonly PlannedRow[]) {
  const of = (kind: PlannedRow['outcome']['kind']) =>
    plan.filter(({ outcome }) => outcome.kind === kind)
  return {
    new: of('new').length,
    /** Of the new ones, those with remarks. */
    changed: of('new').filter(({ remarks }) => remarks.length > 0).length,
    present: of('present').length,
    refused: of('refused').length,
  }
}
