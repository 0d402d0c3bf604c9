import { isReadable } from '../crypto/ciphertexts'
import { randomId } from '../crypto/ids'
import { type CodeSource, parseCodeSource } from '../crypto/totp'
import type { OpenField, OpenRecord } from './entries'

/**
 * What additional fields mean by convention of their names. The other clients show them as fields of these names, so nothing is
 * hidden in them.
 */
export interface RecordDetails {
  readonly urls: readonly string[]
  /** An `otpauth://` address; what somebody typed, if it is none; empty without one. */
  readonly totp: string
  readonly folder: string
  readonly tags: readonly string[]
  readonly recoveryCodes: readonly string[]
  readonly notes: string
  readonly others: readonly FieldText[]
}

export interface FieldText {
  readonly name: string
  readonly value: string
}

/**
 * Maximum number of additional fields that this client writes. The Android app mixes up the fields of a record that has more than
 * fit on its screen.
 */
const maxFields = 4

export const noDetails: RecordDetails = {
  ...{ urls: [], totp: '', folder: '', tags: [], recoveryCodes: [], notes: '', others: [] },
}

type FieldKind = 'url' | 'totp' | 'folder' | 'tags' | 'recoveryCodes' | 'notes' | 'other'

const kinds: Readonly<Record<string, FieldKind>> = {
  ...{ url: 'url', totp: 'totp', folder: 'folder', tags: 'tags', notes: 'notes' },
  'recovery codes': 'recoveryCodes',
}

/** Other names of one-time codes, which mean something else if the value is no secret. */
const totpAliases = ['otp', '2fa']

function kindOf({ name, value }: FieldText): FieldKind {
  const lower = name.trim().toLowerCase()
  if (/^url \d+$/.test(lower)) return 'url'
  if (totpAliases.includes(lower)) return parseCodeSource(value) === null ? 'other' : 'totp'
  return Object.hasOwn(kinds, lower) ? (kinds[lower] ?? 'other') : 'other'
}

const known = new WeakMap<OpenRecord, RecordDetails>()

/** Reads the fields of a record that can be read. Of a second folder or TOTP only the first counts; the others stay fields. */
export function detailsOf(record: OpenRecord): RecordDetails {
  const details =
    known.get(record) ?? readDetails(record.fields.flatMap((field) => readField(field) ?? []))
  known.set(record, details)
  return details
}

const codeSources = new WeakMap<OpenRecord, CodeSource>()

/** Returns what computes the one-time codes of a record; null if it has none that can be computed. */
export function codeSourceOf(record: OpenRecord): CodeSource | null {
  const source = codeSources.get(record) ?? parseCodeSource(detailsOf(record).totp)
  if (source !== null) codeSources.set(record, source)
  return source
}

/** Reads texts as fields of a record. */
export function readDetails(texts: readonly FieldText[]): RecordDetails {
  const lists = { urls: list(), notes: list(), tags: list(), recoveryCodes: list() }
  const others: FieldText[] = []
  let [folder, totp] = ['', '']
  for (const text of texts) {
    const { value } = text
    const kind = kindOf(text)
    if (kind === 'url') lists.urls.push(value.trim())
    else if (kind === 'notes') lists.notes.push(value)
    else if (kind === 'tags') lists.tags.push(...splitTags(value))
    else if (kind === 'recoveryCodes') lists.recoveryCodes.push(...splitLines(value))
    else if (kind === 'folder' && folder === '') folder = tidyFolder(value)
    else if (kind === 'totp' && totp === '') totp = value.trim()
    else others.push(text)
  }
  const { urls, recoveryCodes } = lists
  const tags = distinct(lists.tags)
  return { urls, totp, folder, tags, recoveryCodes, notes: lists.notes.join('\n'), others }
}

function list(): string[] {
  return []
}

function readField({ name, value }: OpenField): FieldText | null {
  return isReadable(name) && isReadable(value) ? { name, value } : null
}

/** Splits `a, b` into tags. */
function splitTags(text: string): readonly string[] {
  return text.split(',').flatMap((tag) => tag.trim() || [])
}

function splitLines(text: string): readonly string[] {
  return text.split(/\r?\n/).flatMap((line) => line.trim() || [])
}

/** Returns a path such as `Work/Servers` without spaces and empty parts. */
function tidyFolder(path: string): string {
  return path
    .split('/')
    .flatMap((part) => part.trim() || [])
    .join('/')
}

function distinct(tags: readonly string[]): readonly string[] {
  const lower = tags.map((tag) => tag.toLowerCase())
  return tags.filter((_, at) => lower.indexOf(lower[at] ?? '') === at)
}

/** The fields of a record as they are to be written. */
export interface FittedFields {
  readonly fields: readonly FieldText[]
  /** What has become a line `name: value` of the notes, since there were too many. */
  readonly moved: readonly FieldText[]
}

/**
 * Returns fields for the details of a record with this name: none is empty, and at most four. Where there are more, the names in
 * `kept` stay fields, then the first ones; the others become lines of the notes.
 */
export function fitFields(
  details: RecordDetails,
  recordName: string,
  kept: readonly string[] = [],
): FittedFields {
  const texts = textsOf(details, recordName)
  const notes = details.notes.trim() === '' ? [] : [{ name: 'Notes', value: details.notes }]
  if (texts.length + notes.length <= maxFields) return { fields: [...texts, ...notes], moved: [] }
  const rank = (text: FieldText) => (kept.includes(text.name) ? 0 : 1)
  const ordered = texts.toSorted((a, b) => rank(a) - rank(b))
  const [stay, moved] = [ordered.slice(0, maxFields - 1), ordered.slice(maxFields - 1)]
  const lines = moved.map(({ name, value }) => `${name}: ${value}`)
  const value = [...notes.map((text) => text.value), ...lines].join('\n')
  return { fields: [...stay, { name: 'Notes', value }], moved }
}

/** Returns a field for each of the details, however many there are. */
export function allFields(details: RecordDetails, recordName: string): readonly FieldText[] {
  const texts = textsOf(details, recordName)
  return details.notes === '' ? texts : [...texts, { name: 'Notes', value: details.notes }]
}

/** Returns a field for each of the details but the notes, the most useful first. */
function textsOf(details: RecordDetails, recordName: string): readonly FieldText[] {
  const [url, ...furtherUrls] = details.urls.filter((each) => each.trim() !== '')
  const source = parseCodeSource(details.totp, recordName)
  // The address is kept as it came; only a bare secret becomes one.
  const isAddress = /^otpauth:/i.test(details.totp.trim())
  return [
    { name: 'URL', value: url ?? '' },
    { name: 'TOTP', value: isAddress ? details.totp : (source?.address ?? details.totp) },
    { name: 'Folder', value: tidyFolder(details.folder) },
    { name: 'Tags', value: details.tags.join(', ') },
    { name: 'Recovery codes', value: details.recoveryCodes.join('\n') },
    ...furtherUrls.map((value, at) => ({ name: `URL ${at + 2}`, value })),
    ...details.others,
  ].filter(({ name, value }) => name.trim() !== '' && value.trim() !== '')
}

/**
 * Returns texts as fields that replace those of a record: a field of the same name keeps its id, and one that can't be read stays
 * as it is.
 */
export function replaceFields(
  before: readonly OpenField[],
  texts: readonly FieldText[],
): readonly OpenField[] {
  const free = before.filter((field) => readField(field) !== null)
  const unreadable = before.filter((field) => readField(field) === null)
  const fields = texts.map((text) => {
    const at = free.findIndex(
      ({ name }) => isReadable(name) && name.trim().toLowerCase() === text.name.toLowerCase(),
    )
    const [same] = at === -1 ? [] : free.splice(at, 1)
    return { id: same?.id ?? randomId(), ...text }
  })
  return [...fields, ...unreadable]
}
