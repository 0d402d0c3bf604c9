import { isReadable } from '../crypto/ciphertexts'
import type { OpenEntry, OpenRecord } from './entries'

export interface VaultHealth {
  /** Records that share a password, in groups of two or more, the largest first. */
  readonly reused: readonly (readonly OpenRecord[])[]
  readonly short: readonly OpenRecord[]
  /** Nothing of these was changed for a year, so the password neither. */
  readonly old: readonly OpenRecord[]
}

/** A password below this length is short, in characters. */
const minLength = 12

const maxAge = 365 * 24 * 3600 * 1000

/** Returns what is wrong with the passwords of records that are not in the trash. Computed in the page alone. */
export function checkHealth(entries: readonly OpenEntry[], now: number): VaultHealth {
  const records = entries.flatMap((entry) => (hasPassword(entry) ? [entry] : []))
  const groups = Map.groupBy(records, ({ password }) => password)
  return {
    reused: [...groups.values()]
      .filter((group) => group.length > 1)
      .toSorted((a, b) => b.length - a.length),
    short: records.filter(({ password }) => [...password].length < minLength),
    old: records.filter(({ updated }) => updated > 0 && now - updated > maxAge),
  }
}

function hasPassword(entry: OpenEntry): entry is OpenRecord & { readonly password: string } {
  const isLive = entry.kind === 'record' && !entry.isTrashed
  return isLive && isReadable(entry.password) && entry.password !== ''
}

/** Returns the other live records that have this password. */
export function othersWithPassword(
  entries: readonly OpenEntry[],
  password: string,
  ownId: string,
): readonly OpenRecord[] {
  if (password === '') return []
  return entries.filter(
    (entry): entry is OpenRecord =>
      hasPassword(entry) && entry.password === password && entry.id !== ownId,
  )
}
