/** What a placeholder stands for. The same value always has the one that it got first: `<host-1>`. */
export type PlaceholderKind = 'address' | 'email' | 'host' | 'name' | 'token'

/**
 * While a text is searched, each part that is done is one character of a private use area (plane 15): no rule finds anything in
 * it, and it is no part of a word.
 */
const area = { first: 0xf0000, last: 0xffffd }

/** How many different parts there can be. The last character of the area stands for any further one. */
const capacity = area.last - area.first

/** Matches such a character, inside of a class of characters. */
export const doneCharacters = '\\u{f0000}-\\u{ffffd}'

const done = new RegExp(`[${doneCharacters}]`, 'gu')

export interface Placeholders {
  /** Returns what stands for a value of which `key` is the canonical form. */
  hide(kind: PlaceholderKind, key: string): string
  /** Returns what stands for a part that is shown as it is. */
  keep(text: string): string
  /** Returns a text without the characters of the area, to be searched. */
  prepare(text: string): string
  /** Returns a text with what its characters of the area stand for. */
  complete(text: string): string
}

export function createPlaceholders(): Placeholders {
  const texts: string[] = []
  const characters = new Map<string, string>()
  const labels = new Map<string, string>()
  const counts = new Map<PlaceholderKind, number>()
  const complete = (text: string) =>
    text.replaceAll(done, (character) => {
      const index = (character.codePointAt(0) ?? area.last) - area.first
      return texts[index] ?? '<hidden>'
    })
  const keep = (text: string) => {
    // A part of it may be done already.
    const shown = complete(text)
    const found = characters.get(shown)
    if (found !== undefined) return found
    if (texts.length === capacity) return String.fromCodePoint(area.last)
    const character = String.fromCodePoint(area.first + texts.length)
    texts.push(shown)
    characters.set(shown, character)
    return character
  }
  return {
    keep,
    complete,
    hide(kind, key) {
      const id = complete(key)
      const number = (counts.get(kind) ?? 0) + 1
      const label = labels.get(id) ?? `<${kind}-${number}>`
      if (!labels.has(id)) {
        labels.set(id, label)
        counts.set(kind, number)
      }
      return keep(label)
    },
    prepare: (text) => text.normalize('NFC').replaceAll(done, '\ufffd'),
  }
}
