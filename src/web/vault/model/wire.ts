/**
 * The decrypted vault and its rules: nothing of a screen, of the network or of a language. Entries never change; a change makes
 * another entry, so that what was computed of one stays right.
 */
import type {
  WireFieldInput,
  WireNote,
  WireNoteInput,
  WireRecord,
  WireRecordInput,
} from '../../../http/schemas'

/** What the answers of /account/vault are, as far as this client reads them. */
export type RevisedWireRecord = WireRecord & { readonly revision: number }
export type RevisedWireNote = WireNote & { readonly revision: number }

/** Entries as GET answers them, and POST with status 412. */
export interface WireEntries {
  readonly state: string
  readonly records: readonly RevisedWireRecord[]
  readonly notes: readonly RevisedWireNote[]
}

export interface WireVault extends WireEntries {
  readonly email: string
  readonly hint: string | null
}

/** What POST takes. */
export interface WireChanges {
  readonly records: readonly (WireRecordChange | WireDeletion)[]
  readonly notes: readonly (WireNoteChange | WireDeletion)[]
}

export type WireRecordChange = WireRecordInput & {
  readonly revision: number | null
  readonly additional_fields: readonly WireFieldInput[]
}

export type WireNoteChange = WireNoteInput & { readonly revision: number | null }

export interface WireDeletion {
  readonly id: string
  readonly revision: number
  readonly delete: true
}

/** Returns null for what no vault is: the server is not trusted to send one. */
export function parseWireVault(value: unknown): WireVault | null {
  const entries = parseWireEntries(value)
  if (entries === null || !isObject(value)) return null
  const { email, hint } = value
  if (typeof email !== 'string' || (hint !== null && typeof hint !== 'string')) return null
  return { ...entries, email, hint }
}

export function parseWireEntries(value: unknown): WireEntries | null {
  if (!isObject(value)) return null
  const { state, records, notes } = value
  if (typeof state !== 'string' || !Array.isArray(records) || !Array.isArray(notes)) return null
  return records.every(isRecord) && notes.every(isNote) ? { state, records, notes } : null
}

type Members<T extends string> = { readonly [Name in T]?: unknown }

function isObject<T extends string>(value: unknown): value is Members<T> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function hasStrings(value: Members<string>, ...names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'string')
}

function isEntry(value: unknown): value is Members<keyof RevisedWireRecord | 'content'> {
  return (
    isObject<keyof RevisedWireRecord>(value) &&
    hasStrings(value, 'id', 'name', 'creation_time', 'update_time') &&
    typeof value.is_favorite === 'boolean' &&
    typeof value.is_deleted === 'boolean' &&
    Number.isSafeInteger(value.revision)
  )
}

function isRecord(value: unknown): value is RevisedWireRecord {
  return (
    isEntry(value) &&
    hasStrings(value, 'login', 'password') &&
    Array.isArray(value.additional_fields) &&
    value.additional_fields.every(
      (field) => isObject(field) && hasStrings(field, 'id', 'name', 'value'),
    )
  )
}

function isNote(value: unknown): value is RevisedWireNote {
  return isEntry(value) && hasStrings(value, 'content')
}
