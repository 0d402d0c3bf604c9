import { allSettingNamesOf } from './layers'
import { legacySettingNames, settingTable } from './settings'
import { settingsFileVariable } from './settings-file'
import type { Environment } from './values'

const prefix = 'SNAILPASS_'

/**
 * Returns a warning for each name in the settings file or the environment that begins like a setting but is none, with the
 * nearest setting as a suggestion, and for each setting that is not in upper case: names are case-sensitive.
 */
export function listUnknownSettingWarnings(
  namesOfFile: Iterable<string>,
  environment: Environment,
): readonly string[] {
  const ours = [...Object.values(settingTable).flatMap(allSettingNamesOf), settingsFileVariable]
  const known = new Set(ours)
  // The environment of Windows has no case.
  const variables = Object.keys(environment).map((name) =>
    process.platform === 'win32' ? name.toUpperCase() : name,
  )
  return [...new Set([...namesOfFile, ...variables])].flatMap((name) => {
    const upperCase = name.toUpperCase()
    if (known.has(name) || legacySettingNames.includes(upperCase)) return []
    if (!known.has(upperCase) && !upperCase.startsWith(prefix)) return []
    const similar = findNearest(upperCase, ours)
    const suggestion = similar === null ? '' : `: did you mean ${similar}?`
    return `${name} is set, but there is no such setting${suggestion}`
  })
}

/**
 * Returns the word with the smallest edit distance, null if none is near enough: the distance may be a third of the length
 * after the prefix, and at least 1.
 */
function findNearest(word: string, words: readonly string[]): string | null {
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
 * Returns the number of characters to insert, delete, substitute or swap with their neighbour to turn one word into the other,
 * where no character is edited twice (Damerau-Levenshtein distance, optimal string alignment).
 */
export function editDistance(one: string, other: string): number {
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const at = (line: readonly number[], index: number) => line[index] ?? Number.POSITIVE_INFINITY
      const substituted = at(last, j - 1) + (one[i - 1] === other[j - 1] ? 0 : 1)
      const isSwapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      const swapped = isSwapped ? at(beforeLast, j - 2) + 1 : substituted
      row[j] = Math.min(at(row, j - 1) + 1, at(last, j) + 1, substituted, swapped)
    }
    beforeLast = last
    last = row
  }
  return last[other.length] ?? 0
}
