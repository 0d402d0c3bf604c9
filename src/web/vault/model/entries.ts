import { type Decrypted, decryptText, isReadable } from '../crypto/ciphertexts'
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

export interface OpenVault {
  /** The state that the server names for these entries. */
  readonly state: string
  readonly email: string
  readonly hint: string | null
  readonly entries: readonly OpenEntry[]
}

/**
 * Decrypts a vault. Entries that have the revision of a previous reading under the same key are taken from there, which makes a
 * refresh cost as little as what has changed.
 */
export async function openVault(input: {
  key: CryptoKey
  vault: WireVault
  previous?: readonly OpenEntry[]
}): Promise<OpenVault> {
  const { state, email, hint } = input.vault
  return {
    state,
    email,
    hint,
    entries: await openEntries(input.key, input.vault, input.previous ?? []),
  }
}

/** Decrypts entries; records first. */
export function openEntries(
  key: CryptoKey,
  { records, notes }: WireEntries,
  previous: readonly OpenEntry[] = [],
): Promise<readonly OpenEntry[]> {
  const known = new Map(previous.map((entry) => [entry.id, entry]))
  const reuse = (
    kind: OpenEntry['kind'],
    { id, revision }: RevisedWireNote | RevisedWireRecord,
  ) => {
    const entry = known.get(id)
    return entry?.revision === revision && entry.kind === kind ? entry : null
  }
  return Promise.all([
    ...records.map((each) => reuse('record', each) ?? openRecord(key, each)),
    ...notes.map((each) => reuse('note', each) ?? openNote(key, each)),
  ])
}

async function openRecord(key: CryptoKey, record: RevisedWireRecord): Promise<OpenRecord> {
  const open = (ciphertext: string) => decryptText(key, ciphertext)
  const fields = record.additional_fields.map(async ({ id, ...field }) => {
    const [name, value] = await Promise.all([open(field.name), open(field.value)])
    return { id, name, value }
  })
  const [name, login, password] = await Promise.all([
    open(record.name),
    open(record.login),
    open(record.password),
  ])
  return {
    kind: 'record',
    ...headOf(record),
    name,
    login,
    password,
    fields: await Promise.all(fields),
  }
}

async function openNote(key: CryptoKey, note: RevisedWireNote): Promise<OpenNote> {
  const [name, content] = await Promise.all([
    decryptText(key, note.name),
    decryptText(key, note.content),
  ])
  return { kind: 'note', ...headOf(note), name, content }
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
