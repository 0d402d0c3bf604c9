import { isReadable } from '../crypto/ciphertexts'
import type { OpenEntry } from './entries'
import { detailsOf } from './fields'

/** Where a word was found; the first of these that has one decides the order. */
const places = ['name', 'login', 'url', 'tags', 'notes'] as const

export type SearchPlace = (typeof places)[number]

export interface SearchHit {
  readonly entry: OpenEntry
  /** Where the first word of the query was found. */
  readonly place: SearchPlace
}

/** The line in which a word was found, as it is written, and where in it. */
export interface FoundLine {
  readonly line: string
  readonly start: number
  readonly length: number
}

interface SearchText {
  /** One object for all searches, since a search with many hits would mostly make these. */
  readonly hit: SearchHit
  readonly text: string
  readonly folded: string
}

/** What is searched of an entry. */
interface Searchable {
  readonly texts: readonly SearchText[]
  /** All of them, separated by line feeds, which no word contains: one look tells whether a word is there, and where. */
  readonly all: string
}

/** A list that can be searched many times. */
export type SearchIndex = readonly Searchable[]

const known = new WeakMap<OpenEntry, Searchable>()

/** Texts that look alike to a reader are equal: case, composed characters, and ё, which many people write as е. */
function fold(text: string): string {
  return text.normalize('NFC').toLowerCase().replaceAll('ё', 'е')
}

/** Only entries that are new cost more than a look. */
export function indexEntries(list: readonly OpenEntry[]): SearchIndex {
  return list.map(searchableOf)
}

/**
 * Returns the entries in which all words of the query occur, in the order of the list within each place. Passwords and fields
 * that no convention knows are not searched: a shown line must not give a secret away. An empty query finds nothing.
 */
export function searchEntries(index: SearchIndex, query: string): readonly SearchHit[] {
  const [first, ...others] = wordsOf(query)
  if (first === undefined) return []
  const hits: Record<SearchPlace, SearchHit[]> = {
    name: [],
    login: [],
    url: [],
    tags: [],
    notes: [],
  }
  for (const { texts, all } of index) {
    const at = all.indexOf(first)
    if (at === -1 || !others.every((word) => all.includes(word))) continue
    const hit = textAt(texts, at)?.hit
    if (hit !== undefined) hits[hit.place].push(hit)
  }
  return places.flatMap((place) => hits[place])
}

/** Returns the line that a hit is shown with. Only the hits in view need theirs. */
export function findLine({ entry }: SearchHit, query: string): FoundLine {
  const [first = ''] = wordsOf(query)
  const { texts, all } = searchableOf(entry)
  const text = textAt(texts, all.indexOf(first))
  return text === null ? { line: '', start: 0, length: 0 } : lineOf(text, first)
}

function wordsOf(query: string): readonly string[] {
  return fold(query)
    .split(/\s+/)
    .filter((word) => word !== '')
}

/** Returns the text that has this position of all of them. */
function textAt(texts: readonly SearchText[], position: number): SearchText | null {
  let end = 0
  for (const text of texts) {
    end += text.folded.length + 1
    if (position < end) return text
  }
  return null
}

function searchableOf(entry: OpenEntry): Searchable {
  const found = known.get(entry)
  if (found !== undefined) return found
  const searchable = readTexts(entry)
  known.set(entry, searchable)
  return searchable
}

function readTexts(entry: OpenEntry): Searchable {
  const found: readonly (readonly [SearchPlace, string])[] =
    entry.kind === 'note' ? notePlaces(entry.content) : recordPlaces(entry)
  const name = isReadable(entry.name) ? entry.name : ''
  const texts = ([['name', name], ...found] as const).map(([place, text]) => ({
    hit: { entry, place },
    text,
    folded: fold(text),
  }))
  return { texts, all: texts.map(({ folded }) => folded).join('\n') }
}

function notePlaces(content: unknown): readonly (readonly [SearchPlace, string])[] {
  return [['notes', typeof content === 'string' ? content : '']]
}

function recordPlaces(
  record: OpenEntry & { readonly kind: 'record' },
): readonly (readonly [SearchPlace, string])[] {
  const { urls, tags, folder, notes } = detailsOf(record)
  return [
    ['login', isReadable(record.login) ? record.login : ''],
    ...urls.map((url) => ['url', url] as const),
    ['tags', [folder, ...tags].join('\n')],
    ['notes', notes],
  ]
}

/** Returns the line of a text that has a word, and its place in the line. */
function lineOf({ text, folded }: SearchText, word: string): FoundLine {
  const at = folded.indexOf(word)
  // Some characters fold to two: without the right place, the first line has to do.
  if (folded.length !== text.length)
    return { line: text.split('\n', 1)[0] ?? '', start: 0, length: 0 }
  const begin = text.lastIndexOf('\n', at - 1) + 1
  const end = text.indexOf('\n', at)
  const line = text.slice(begin, end === -1 ? undefined : end)
  return { line, start: at - begin, length: word.length }
}
