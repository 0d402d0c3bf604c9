import { isReadable } from '../crypto/ciphertexts'
import type { OpenEntry } from './entries'
import { detailsOf } from './fields'

/** What of the vault a list shows. A folder includes those in it. */
export type Place =
  | { readonly kind: 'all' | 'favorites' | 'notes' | 'trash' }
  | { readonly kind: 'folder' | 'tag'; readonly name: string }

export interface NamedCount {
  readonly name: string
  readonly count: number
}

/** How many entries there are in each place. */
export interface Places {
  readonly all: number
  readonly favorites: number
  readonly notes: number
  readonly trash: number
  readonly folders: readonly NamedCount[]
  readonly tags: readonly NamedCount[]
}

/** Entries under one head. */
export interface Section {
  readonly head:
    | { readonly kind: 'favorites' | 'other' | 'unreadable' | 'trash' }
    | { readonly kind: 'initial'; readonly text: string }
  readonly entries: readonly OpenEntry[]
}

function isInPlace(entry: OpenEntry, place: Place): boolean {
  if (place.kind === 'trash') return entry.isTrashed
  if (entry.isTrashed) return false
  if (place.kind === 'favorites') return entry.isFavorite
  if (place.kind === 'notes') return entry.kind === 'note'
  if (place.kind === 'all') return true
  if (entry.kind === 'note' || !('name' in place)) return false
  const { folder, tags } = detailsOf(entry)
  const wanted = place.name.toLowerCase()
  return place.kind === 'folder'
    ? `${folder.toLowerCase()}/`.startsWith(`${wanted}/`)
    : tags.some((tag) => tag.toLowerCase() === wanted)
}

/** Returns the number of entries in each place, folders and tags in the order of a language. */
export function countPlaces(entries: readonly OpenEntry[], language: string): Places {
  const live = entries.filter((entry) => !entry.isTrashed)
  const [folders, tags] = [new Map<string, NamedCount>(), new Map<string, NamedCount>()]
  for (const entry of live) {
    if (entry.kind === 'note') continue
    const details = detailsOf(entry)
    if (details.folder !== '') addTo(folders, details.folder)
    for (const tag of details.tags) addTo(tags, tag)
  }
  const collator = collatorOf(language)
  const sorted = (named: ReadonlyMap<string, NamedCount>) =>
    [...named.values()].toSorted((a, b) => collator.compare(a.name, b.name))
  return {
    all: live.length,
    favorites: live.filter((entry) => entry.isFavorite).length,
    notes: live.filter((entry) => entry.kind === 'note').length,
    trash: entries.length - live.length,
    folders: sorted(withParents(folders)),
    tags: sorted(tags),
  }
}

function addTo(named: Map<string, NamedCount>, name: string, count = 1): void {
  const key = name.toLowerCase()
  const before = named.get(key)
  named.set(key, { name: before?.name ?? name, count: (before?.count ?? 0) + count })
}

/** Adds what is in the folders of a folder to its count, if it has entries of its own. */
function withParents(folders: ReadonlyMap<string, NamedCount>): ReadonlyMap<string, NamedCount> {
  return new Map(
    [...folders].map(([key, { name }]) => {
      const within = [...folders].filter(([other]) => `${other}/`.startsWith(`${key}/`))
      return [key, { name, count: within.reduce((sum, [, { count }]) => sum + count, 0) }]
    }),
  )
}

/**
 * Returns entries in the order of every list: favorites, then by name, then what has no readable name. Comparing names by the rules
 * of a language is the largest cost of a list, so it is done once for all places.
 */
export function orderEntries(
  entries: readonly OpenEntry[],
  language: string,
): readonly OpenEntry[] {
  const collator = collatorOf(language)
  const rank = (entry: OpenEntry) => (entry.isFavorite ? 0 : isReadable(entry.name) ? 1 : 2)
  const nameOf = ({ name }: OpenEntry) => (isReadable(name) ? name : '')
  return entries.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      collator.compare(nameOf(a), nameOf(b)) ||
      // The same order each time, whatever the order of the answer.
      (a.id < b.id ? -1 : 1),
  )
}

/** Returns the entries of a place in their order; the trash begins with the last change. */
export function listPlace(ordered: readonly OpenEntry[], place: Place): readonly OpenEntry[] {
  const found = ordered.filter((entry) => isInPlace(entry, place))
  return place.kind === 'trash' ? found.toSorted((a, b) => b.updated - a.updated) : found
}

/** Divides a list: favorites, then by the first character of the name, then what has no readable name. */
export function sectionsOf(
  list: readonly OpenEntry[],
  place: Place,
  language: string,
): readonly Section[] {
  const sections: { head: Section['head']; entries: OpenEntry[] }[] = []
  for (const entry of list) {
    const head = place.kind === 'trash' ? ({ kind: 'trash' } as const) : headOf(entry, language)
    const last = sections.at(-1)
    if (last !== undefined && isSameHead(last.head, head)) last.entries.push(entry)
    else sections.push({ head, entries: [entry] })
  }
  return sections
}

function isSameHead(one: Section['head'], other: Section['head']): boolean {
  const textOf = (head: Section['head']) => ('text' in head ? head.text : '')
  return one.kind === other.kind && textOf(one) === textOf(other)
}

function headOf({ isFavorite, name }: OpenEntry, language: string): Section['head'] {
  if (isFavorite) return { kind: 'favorites' }
  if (!isReadable(name)) return { kind: 'unreadable' }
  const [first = ''] = name.trim().normalize('NFC').toLocaleUpperCase(language)
  if (!/\p{L}/u.test(first)) return { kind: 'other' }
  // As the collator does: accents make no section of their own, and neither does Ё.
  const isLatin = /\p{Script=Latin}/u.test(first)
  const text = isLatin ? first.normalize('NFD').charAt(0) : first.replace('Ё', 'Е')
  return { kind: 'initial', text }
}

const collators = new Map<string, Intl.Collator>()

function collatorOf(language: string): Intl.Collator {
  const collator = collators.get(language) ?? new Intl.Collator(language, { numeric: true })
  collators.set(language, collator)
  return collator
}
