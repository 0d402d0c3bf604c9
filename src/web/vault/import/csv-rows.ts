import { type FieldText, type RecordDetails, readDetails } from '../model/fields'
import type { CsvTable, CsvTableRow } from './csv-table'
import {
  type ColumnTarget,
  type ImportColumn,
  type ImportFormat,
  type ImportItem,
  type ImportRecord,
  type ImportRow,
  nameItem,
} from './items'

/** Columns with what their values become. */
type Mapping = readonly { readonly name: string; readonly target: ColumnTarget }[]

/** The values of a row, by what they become. */
interface RowValues {
  readonly name: string
  readonly login: string
  readonly password: string
  readonly isFavorite: boolean
  readonly fields: readonly FieldText[]
  /** By the name of their column in lower case. */
  readonly special: ReadonlyMap<string, string>
}

/** What the rules of a format make of a row, besides the meaning of its columns. */
interface SpecialRules {
  readonly fields?: readonly FieldText[]
  readonly isNote?: boolean
  readonly notTaken?: readonly string[]
}

/** Returns the columns of a table with their targets. */
export function readColumns(
  { header, rows }: CsvTable,
  targetOf: (name: string) => ColumnTarget,
): readonly ImportColumn[] {
  return header.map((name, at) => ({
    name,
    target: targetOf(name),
    filled: rows.filter(({ cells }) => (cells[at] ?? '').trim() !== '').length,
  }))
}

/** Reads each row of a table by the targets of its columns. */
export function readRows(
  format: ImportFormat,
  { rows }: CsvTable,
  mapping: Mapping,
): readonly ImportRow[] {
  const rules = rulesFor(format, rows, mapping)
  return rows.map((row, at) => ({
    number: at + 1,
    result: readRow(row, at + 1, { mapping, rules }),
  }))
}

type Rules = (values: RowValues) => SpecialRules

function readRow(
  { cells, isMalformed }: CsvTableRow,
  number: number,
  { mapping, rules }: { mapping: Mapping; rules: Rules },
): ImportRow['result'] {
  const values = sortValues(cells, mapping)
  if (isMalformed) return { refusal: { code: 'malformed' }, name: values.name }
  const { fields = [], isNote = false, notTaken = [] } = rules(values)
  const texts = [...values.fields, ...fields].filter(({ value }) => value.trim() !== '')
  const { login, password } = values
  if (texts.length === 0 && values.name + login + password === '')
    return { refusal: { code: 'empty' }, name: '' }
  const details = readDetails(texts)
  const named = nameItem(values.name, { number, urls: details.urls, login })
  const head = { name: named.name, isFavorite: values.isFavorite, isTrashed: false }
  const record: ImportRecord = { kind: 'record', ...head, login, password, details }
  const [item, lost] =
    isNote && login + password === '' ? asNote(record, details) : [record, [] as const]
  const what = [...notTaken, ...lost]
  return {
    item,
    remarks: [...named.remarks, ...(what.length > 0 ? [{ code: 'not-taken' as const, what }] : [])],
  }
}

/** Returns a note and what it has no place for; the record itself if that would be a secret or a field. */
export function asNote(
  record: ImportRecord,
  { urls, totp, others, recoveryCodes, folder, tags, notes }: RecordDetails,
): readonly [ImportItem, readonly string[]] {
  const hasFields = totp !== '' || urls.length + others.length + recoveryCodes.length > 0
  if (hasFields) return [record, []]
  const { name, isFavorite, isTrashed } = record
  return [
    { kind: 'note', name, isFavorite, isTrashed, content: notes },
    [...(folder === '' ? [] : [`folder ${folder}`]), ...tags.map((tag) => `tag ${tag}`)],
  ]
}

/** Sorts the cells of a row. What has no place of its own becomes a field with the name of its column. */
function sortValues(cells: readonly string[], mapping: Mapping): RowValues {
  const single = { name: '', login: '', password: '' }
  const fields: FieldText[] = []
  const special = new Map<string, string>()
  let isFavorite = false
  for (const [at, cell] of cells.entries()) {
    // Cells behind the last column have no name.
    const { name, target } = mapping[at] ?? { name: `Column ${at + 1}`, target: 'field' }
    if (cell === '' || target === 'not-taken') continue
    if (target === 'special') special.set(name.toLowerCase(), cell)
    else if (target === 'favorite') isFavorite = /^(?:1|true|yes|да|x)$/i.test(cell.trim())
    else if (target === 'name' || target === 'login' || target === 'password') {
      if (single[target] === '') single[target] = cell
      else fields.push({ name, value: cell })
    } else fields.push(...fieldsFor(target, name, cell))
  }
  return { ...single, isFavorite, fields, special }
}

const fieldNames = { url: 'URL', totp: 'TOTP', notes: 'Notes', folder: 'Folder' } as const

function fieldsFor(
  target: Exclude<
    ColumnTarget,
    'name' | 'login' | 'password' | 'favorite' | 'special' | 'not-taken'
  >,
  column: string,
  cell: string,
): readonly FieldText[] {
  if (target === 'field') return [{ name: column, value: cell }]
  if (target === 'tags') return [{ name: 'Tags', value: cell.replaceAll(';', ',') }]
  return [{ name: fieldNames[target], value: cell }]
}

function rulesFor(format: ImportFormat, rows: readonly CsvTableRow[], mapping: Mapping): Rules {
  if (format === 'bitwarden-csv') return bitwardenRules
  if (format === 'lastpass') return lastPassRules
  if (format === '1password') return onePasswordRules
  if (format === 'keepassxc') {
    const at = mapping.findIndex(({ name }) => name.toLowerCase() === 'group')
    return keePassRules(rows.map(({ cells }) => cells[at] ?? ''))
  }
  return () => ({})
}

/** Fields are lines `name: value`, of which a value may have more; addresses are separated by commas, which they may have, too. */
function bitwardenRules({ special }: RowValues): SpecialRules {
  const urls = (special.get('login_uri') ?? '').split(/,(?=\s*[a-z][a-z0-9+.-]*:\/\/)/i)
  const fields: { name: string; value: string }[] = []
  for (const line of (special.get('fields') ?? '').split(/\r?\n/)) {
    const [, name, value] = /^([^:]+): (.*)$/.exec(line) ?? []
    const last = fields.at(-1)
    if (name !== undefined && value !== undefined) fields.push({ name, value })
    else if (last !== undefined) last.value += `\n${line}`
    else if (line.trim() !== '') fields.push({ name: 'Notes', value: line })
  }
  return {
    isNote: special.get('type')?.toLowerCase() === 'note',
    notTaken: special.get('reprompt') === '1' ? ['reprompt'] : [],
    fields: [
      ...urls.flatMap((value) => (value.trim() === '' ? [] : [{ name: 'URL', value }])),
      ...fields,
    ],
  }
}

/** A note has the address `http://sn`, and what has none `http://`. Folders in folders are separated by backslashes. */
function lastPassRules({ special }: RowValues): SpecialRules {
  const url = (special.get('url') ?? '').trim()
  const isNote = url.toLowerCase() === 'http://sn'
  const folder = (special.get('grouping') ?? '').replaceAll('\\', '/')
  return {
    isNote,
    fields: [
      ...(isNote || /^(?:http:\/\/)?$/i.test(url) ? [] : [{ name: 'URL', value: url }]),
      ...(folder === '' || folder === '(none)' ? [] : [{ name: 'Folder', value: folder }]),
    ],
  }
}

function onePasswordRules({ special }: RowValues): SpecialRules {
  const hasMark = special.get('archived')?.toLowerCase() === 'true'
  return hasMark ? { notTaken: ['Archived'] } : {}
}

/** Each group begins with the name of the database, which is no folder. */
function keePassRules(groups: readonly string[]): Rules {
  const roots = new Set(groups.flatMap((group) => group.split('/')[0] || []))
  return ({ special }) => {
    const parts = (special.get('group') ?? '').split('/')
    const folder = (roots.size === 1 ? parts.slice(1) : parts).join('/')
    return folder === '' ? {} : { fields: [{ name: 'Folder', value: folder }] }
  }
}
