import { type Decrypted, decryptTexts, isReadable } from '../crypto/ciphertexts'
import type { RevisedWireNote, RevisedWireRecord, WireEntries, WireVault } from './wire'

interface EntryHead {
  readonly id: string
  readonly revision: number
  readonly name: Decrypted
  readonly isFavorite: boolean
  readonly isTrashed: boolean
  /** Milliseconds since 1970; 0 for what is no time. */
  readonly created: number
  readonly updated: number
}

export interface OpenField {
  readonly id: string
  readonly name: Decrypted
  readonly value: Decrypted
}

export interface OpenRecord extends EntryHead {
  readonly kind: 'record'
  readonly login: Decrypted
  readonly password: Decrypted
  readonly fields: readonly OpenField[]
}

export interface OpenNote extends EntryHead {
  readonly kind: 'note'
  readonly content: Decrypted
}

export type OpenEntry = OpenRecord | OpenNote

export interface DecryptedVault {
  /** The state that the server names for these entries. */
  readonly state: string
  readonly email: string
  readonly hint: string | null
  readonly entries: readonly OpenEntry[]
  /** When a copy was saved, in milliseconds since 1970. */
  readonly exported?: number
}

/**
 * Decrypts a vault. Entries that have the revision of a previous reading under the same key are taken from there, which makes a
 * refresh cost as little as what has changed.
 */
export async function openVault(input: {
  key: CryptoKey
  vault: WireVault
  previous?: readonly OpenEntry[]
}): Promise<DecryptedVault> {
  const { state, email, hint } = input.vault
  return {
    state,
    email,
    hint,
    entries: await openEntries(input.key, input.vault, input.previous ?? []),
  }
}

/** A row of an answer, with its kind. */
type Row =
  | { readonly kind: 'record'; readonly row: RevisedWireRecord }
  | { readonly kind: 'note'; readonly row: RevisedWireNote }

/** Decrypts entries, all at once; records first. */
export async function openEntries(
  key: CryptoKey,
  { records, notes }: WireEntries,
  previous: readonly OpenEntry[] = [],
): Promise<readonly OpenEntry[]> {
  const known = new Map(previous.map((entry) => [entry.id, entry]))
  const reuse = ({ kind, row }: Row): OpenEntry | null => {
    const entry = known.get(row.id)
    return entry?.revision === row.revision && entry.kind === kind ? entry : null
  }
  const rows: readonly Row[] = [
    ...records.map((row) => ({ kind: 'record', row }) as const),
    ...notes.map((row) => ({ kind: 'note', row }) as const),
  ]
  const ciphertexts: string[] = []
  // Each entry is put together when all values are known, from their places in the list.
  const openings = rows.map((row) => {
    const entry = reuse(row)
    if (entry !== null) return () => entry
    const begin = ciphertexts.length
    for (const ciphertext of ciphertextsOf(row)) ciphertexts.push(ciphertext)
    return (values: readonly Decrypted[]) =>
      openRow(row, (place) => values[begin + place] ?? { ciphertext: '' })
  })
  const values = await decryptTexts(key, ciphertexts)
  return openings.map((open) => open(values))
}

function ciphertextsOf({ kind, row }: Row): readonly string[] {
  if (kind === 'note') return [row.name, row.content]
  const fields = row.additional_fields.flatMap(({ name, value }) => [name, value])
  return [row.name, row.login, row.password, ...fields]
}

/** Puts an entry together. `valueAt` returns the values of `ciphertextsOf` by their places. */
function openRow({ kind, row }: Row, valueAt: (place: number) => Decrypted): OpenEntry {
  const head = { ...headOf(row), name: valueAt(0) }
  if (kind === 'note') return { kind, ...head, content: valueAt(1) }
  const fields = row.additional_fields.map(({ id }, index) => ({
    id,
    name: valueAt(3 + 2 * index),
    value: valueAt(4 + 2 * index),
  }))
  return { kind, ...head, login: valueAt(1), password: valueAt(2), fields }
}

function headOf(entry: RevisedWireRecord | RevisedWireNote) {
  return {
    id: entry.id,
    revision: entry.revision,
    isFavorite: entry.is_favorite,
    isTrashed: entry.is_deleted,
    created: Date.parse(entry.creation_time) || 0,
    updated: Date.parse(entry.update_time) || 0,
  }
}

/** Returns all values of an entry. */
function valuesOf(
  entry:
    | Pick<OpenRecord, 'kind' | 'name' | 'login' | 'password' | 'fields'>
    | Pick<OpenNote, 'kind' | 'name' | 'content'>,
): readonly Decrypted[] {
  if (entry.kind === 'note') return [entry.name, entry.content]
  const fields = entry.fields.flatMap(({ name, value }) => [name, value])
  return [entry.name, entry.login, entry.password, ...fields]
}

/** Whether the key decrypts everything in it. */
export function isWhole(entry: OpenEntry): boolean {
  return valuesOf(entry).every(isReadable)
}
