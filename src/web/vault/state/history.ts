import type { HistoryVersion } from '../api/answers'
import type { Failure, Result, ServerApi } from '../api/server'
import { type OpenEntry, openEntries } from '../model/entries'
import type { VaultState } from './open-vault'

/** A former version of an entry, with its content. */
export interface OpenVersion extends HistoryVersion {
  readonly entry: OpenEntry
}

/** Returns the versions of one entry, decrypted, the newest first. */
export async function readHistoryOf(
  { api, vault }: { api: ServerApi; vault: VaultState },
  listed: readonly HistoryVersion[],
): Promise<Result<readonly OpenVersion[]>> {
  const [first] = listed
  if (first === undefined) return { ok: true, value: [] }
  const read = await vault.ask((token) => api.readVersions(token, first.entryId))
  if (!read.ok) return read
  const entries = await openEntries(vault.key(), { state: '', ...read.value })
  const byVersion = new Map(entries.map((entry) => [entry.revision, entry]))
  const value = listed.flatMap((version) => {
    const entry = byVersion.get(version.version)
    return entry === undefined ? [] : [{ ...version, entry }]
  })
  return { ok: true, value }
}

/** Makes a version the present state of its entry. */
export async function bringBack(
  { api, vault }: { api: ServerApi; vault: VaultState },
  version: number,
): Promise<Failure | null> {
  const restored = await vault.ask((token) => api.restoreVersion(token, version))
  if (!restored.ok) return restored.failure
  return vault.refresh()
}
