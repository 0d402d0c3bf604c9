import { DomainError } from './errors'
import { setNewest } from './newest-entries'
import type { AdditionalFieldChange, NoteContent, RecordContent, VaultReads } from './vault'

/** What a change puts into a vault. */
export interface VaultGrowth {
  readonly owner: string
  readonly texts: readonly string[]
  /** Number of entries and fields that the texts belong to. */
  readonly rows?: number
  /** Whether all of them are new. */
  readonly isNew: boolean
}

/** Returns what whole entries put into a vault. */
export function sizesOf({
  records,
  notes,
}: {
  readonly records: readonly (RecordContent & {
    readonly additionalFields: readonly AdditionalFieldChange[]
  })[]
  readonly notes: readonly NoteContent[]
}): Pick<VaultGrowth, 'texts'> & { readonly rows: number } {
  const texts: string[] = []
  let rows = records.length + notes.length
  for (const { name, login, password, additionalFields } of records) {
    rows += additionalFields.length
    texts.push(name, login, password)
    for (const field of additionalFields) texts.push(field.name, field.value)
  }
  for (const { name, content } of notes) texts.push(name, content)
  return { texts, rows }
}

/**
 * Limits the size of each vault. Clients fetch a vault in one response, so this also bounds the memory for a response, and
 * how much disk space a new account can use.
 */
export interface VaultQuota {
  /**
   * Runs `work`, which adds texts of new entries or fields (`isNew`) or replaces those of existing ones, and returns
   * what `work` returns: false if it changed nothing. Throws `vault_full` if the vault has grown beyond the quota; a change
   * that does not make it larger always passes.
   */
  charge(
    tx: { readonly vaults: VaultReads },
    change: VaultGrowth,
    work: () => Promise<boolean>,
  ): Promise<boolean>
}

/** Bytes that a row takes in a response besides its texts, roughly. It also limits the number of empty entries. */
export const rowOverheadBytes = 512

/** Maximum number of vaults whose upper bound is remembered. */
const maxKnownVaults = 10_000

/** `maxBytes` counts texts in UTF-8, plus `rowOverheadBytes` for each entry and field. */
export function createVaultQuota(maxBytes: number): VaultQuota {
  /**
   * Upper bound of each vault's size, least recently written first. Deletions are not subtracted; a vault is measured only
   * when the bound would refuse a write, so most writes measure nothing. Writes by other servers, and concurrent ones on
   * Postgres, are not seen until then.
   */
  const known = new Map<string, number>()

  const remember = (owner: string, size: number) =>
    setNewest(known, { key: owner, value: size, max: maxKnownVaults })

  return {
    async charge({ vaults }, { owner, texts, rows = 1, isNew }, work) {
      const growth = texts.reduce(
        (sum, { length }) => sum + length * maxUtf8Bytes,
        rows * rowOverheadBytes,
      )
      const upperBound = known.get(owner)
      const fits = (before: number) => before + growth <= maxBytes
      if (upperBound !== undefined && fits(upperBound)) {
        remember(owner, upperBound + growth)
        return await work()
      }
      // A change may make the vault smaller, so the size before matters.
      const before = isNew ? 0 : await vaults.size(owner)
      const isDone = await work()
      if (!isDone) return false
      const after = !isNew && fits(before) ? before + growth : await vaults.size(owner)
      remember(owner, after)
      if (after <= maxBytes || after <= before) return true
      throw new DomainError(
        'vault_full',
        `The vault may hold ${Math.floor(maxBytes / 1e6)} MB: delete something permanently first`,
      )
    },
  }
}

/** Maximum number of UTF-8 bytes per UTF-16 unit of a JavaScript string. */
const maxUtf8Bytes = 3
