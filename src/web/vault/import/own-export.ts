import type { DecryptedVault, OpenEntry } from '../model/entries'
import { allFields } from '../model/fields'
import { readBitwardenJson } from './bitwarden-json'
import type { ImportItem } from './items'
import { objectOf, textOf } from './json'

/** An export of this program as a vault that can be looked at. */
export interface OpenCopy extends DecryptedVault {
  /** When it was exported, in milliseconds since 1970. */
  readonly exported: number
}

/** Returns null for what is no export of this program. */
export function openOwnExport(text: string): OpenCopy | null {
  const file = objectOf(parseJson(text))
  const head = objectOf(file?.['snailpass'])
  const rows = file === null ? null : readBitwardenJson(file)
  if (head === null || rows === null) return null
  const items: unknown = file?.['items']
  const entries = rows.flatMap(({ number, result }) => {
    const source = objectOf(Array.isArray(items) ? items[number - 1] : null)
    return 'item' in result ? [entryOf(result.item, number, source ?? {})] : []
  })
  const exported = Date.parse(textOf(head['exported'])) || 0
  return { state: '', email: textOf(head['email']), hint: null, entries, exported }
}

function entryOf(
  item: ImportItem,
  number: number,
  source: Readonly<Record<string, unknown>>,
): OpenEntry {
  const { name, isFavorite, isTrashed } = item
  const created = Date.parse(textOf(source['creationDate'])) || 0
  const updated = Date.parse(textOf(source['revisionDate'])) || 0
  const head = { id: `${number}`, revision: 0, name, isFavorite, isTrashed, created, updated }
  if (item.kind === 'note') return { kind: 'note', ...head, content: item.content }
  const fields = allFields(item.details, name).map((field, at) => ({ id: `${at}`, ...field }))
  return { kind: 'record', ...head, login: item.login, password: item.password, fields }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
