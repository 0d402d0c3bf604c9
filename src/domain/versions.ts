import type { ClockCorrection } from './clock-watch'
import type { AgeLimit } from './known-time'
import type { EntryKind, HistoryKeeping, Note, VaultRecordWithFields } from './vault'

/** Milliseconds in which the first of several changes of an entry is enough: a client changes one field per request. */
export const versionInterval = 10 * 60_000

/** Maximum number of versions of an entry. */
export const maxVersionsPerEntry = 10

/** Milliseconds for which a version is kept. */
export const versionLifetime = 30 * 24 * 60 * 60_000

/** Returns the number that a text names a version by, null if it can't be one. */
export function parseVersionNumber(text: string): number | null {
  const number = Number(text)
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(number) ? number : null
}

/** How the operator wants former states of entries to be kept. Null, in place of it: not at all. */
export interface HistoryPolicy {
  /** Maximum size of the history of an account, in bytes. */
  readonly maxBytes: number
}

/** Returns how entries are kept that change at `now`. */
export function keepingAt(now: number, policy: HistoryPolicy | null): HistoryKeeping | null {
  return policy === null ? null : { now, maxBytes: policy.maxBytes }
}

/** A former state of an entry, as a list shows it. */
export interface Version {
  /** Larger than that of all earlier versions of the account. It is a number like `UserWithRevision.revision`. */
  readonly number: number
  readonly kind: EntryKind
  readonly entryId: string
  /** Whether the ciphertext of the entry, or of one of its fields, was replaced then, or the entry was deleted. */
  readonly reason: 'replaced' | 'deleted'
  /** When it was kept, in milliseconds since 1970 (UTC). */
  readonly time: number
  /** Bytes, counted as in the size of a vault. */
  readonly size: number
}

/** A version with its content. */
export interface VersionOf<Entry> extends Version {
  readonly entry: Entry
  /** See `EntryWrites.insert`. */
  readonly order: number
}

/** Former states of entries, the newest first. */
export interface VersionContents {
  readonly records: readonly VersionOf<VaultRecordWithFields>[]
  readonly notes: readonly VersionOf<Note>[]
}

/** How much the history of an account holds. */
export interface HistorySize {
  readonly versions: number
  readonly bytes: number
}

export interface HistoryReads {
  /** Returns the versions of an account, the newest first. */
  list(owner: string): Promise<readonly Version[]>
  /** Returns the versions of an account with their content, all of one entry id or the one with a number. */
  read(
    owner: string,
    which: { readonly entryId: string } | { readonly number: number },
  ): Promise<VersionContents>
  /** Returns the sizes of the history of an account; of all accounts if it is null. */
  size(owner: string | null): Promise<HistorySize>
  /** Returns up to `max` accounts that have versions which were kept at a time up to `before`. */
  listOwnersOfOld(before: number, max: number): Promise<readonly string[]>
}

/** The writes that need no vault. Versions are kept, and forgotten, by `WritableVault`. */
export interface HistoryWrites {
  /** Moves the times of versions that lie in a span in which the clock was wrong. */
  correct(correction: ClockCorrection): Promise<void>
  /** Dates versions with an impossible time now: after the present, or before the earliest that is possible. */
  redate(limit: AgeLimit): Promise<void>
  /** Deletes the versions of an account that were kept at a time up to `before`. Returns their number. */
  deleteOld(owner: string, before: number): Promise<number>
}
