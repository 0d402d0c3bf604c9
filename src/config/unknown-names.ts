import { allSettingNamesOf } from './layers'
import { legacySettingNames, settingTable } from './settings'
import { settingsFileVariable } from './settings-file'

const prefix = 'SNAILPASS_'

/** Says of each name that looks like a setting and is none what it may have been meant to be. */
export function listUnknownSettingWarnings(names: Iterable<string>): readonly string[] {
  const ours = Object.values(settingTable).flatMap(allSettingNamesOf)
  const known = new Set([...ours, ...legacySettingNames, settingsFileVariable])
  return [...new Set(names)]
    .filter((name) => name.startsWith(prefix) && !known.has(name))
    .map((name) => {
      const meant = nearest(name, [...ours, settingsFileVariable])
      const guess = meant === null ? '' : `: did you mean ${meant}?`
      return `${name} is set, but there is no such setting${guess}`
    })
}

/**
 * The word that a slip of the pen may have been meant to be, null where none is near enough: a third of what
 * is left behind the prefix may be wrong, and one letter always.
 */
function nearest(word: string, words: readonly string[]): string | null {
  const maxDistance = Math.max(1, Math.floor((word.length - prefix.length) / 3))
  let found: string | null = null
  let nearestDistance = maxDistance + 1
  for (const other of words) {
    const distance = editDistance(word, other)
    if (distance < nearestDistance) [found, nearestDistance] = [other, distance]
  }
  return found
}

/**
 * How many letters have to be added, left out, exchanged or swapped with their neighbour to make one word of the
 * other, each letter once at most (Damerau and Levenshtein's optimal string alignment).
 */
export function editDistance(one: string, other: string): number {
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const at = (line: readonly number[], index: number) => line[index] ?? Number.POSITIVE_INFINITY
      const exchanged = at(last, j - 1) + (one[i - 1] === other[j - 1] ? 0 : 1)
      const isSwapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      const swapped = isSwapped ? at(beforeLast, j - 2) + 1 : exchanged
      row[j] = Math.min(at(row, j - 1) + 1, at(last, j) + 1, exchanged, swapped)
    }
    beforeLast = last
    last = row
  }
  return last[other.length] ?? 0
}
