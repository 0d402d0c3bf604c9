import { DomainError } from './errors'

/**
 * How much one account may keep. A vault is one answer to its clients, so this also bounds what an answer takes, and
 * what a stranger who signed up can fill of the disk.
 */
export interface VaultQuota {
  /**
   * Runs work of a write scope that adds texts of an entry or field to a vault, or replaces some by them; false from it is
   * that it did nothing. Throws `vault_full` where the vault grows beyond the bound: what is there already can always be
   * changed and deleted.
   */
  charge(
    tx: { readonly vaults: VaultReads },
    owner: string,
    change: { readonly texts: readonly string[]; readonly isNew: boolean },
    work: () => Promise<boolean>,
  ): Promise<boolean>
}

/** What a row takes besides its texts, about, in an answer, in bytes: a vault of empty entries has an end too. */
export const rowOverheadBytes = 512

/** For how many accounts at most it is remembered how large their vaults may be. */
const maxKnownVaults = 10_000

/** `most` in bytes of UTF-8, with `rowBytes` for each entry and field. */
export function createVaultQuota(maxBytes: number): VaultQuota {
  /**
   * Vaults are no larger than this, as far as this server knows: what is deleted is not taken off, and each is measured
   * anew before it is refused. So a write measures nothing as a rule. What other servers add is unseen until then, and
   * so are the other writes of the moment on Postgres.
   */
  const known = new Map<string, number>()

  const remember = (owner: string, size: number) => {
    known.delete(owner)
    known.set(owner, size)
    const [oldest] = known.keys()
    if (known.size > maxKnownVaults && oldest !== undefined) known.delete(oldest)
  }

  return {
    async charge({ vaults }, owner, { texts, isNew }, work) {
      const growth = texts.reduce(
        (sum, { length }) => sum + length * maxUtf8Bytes,
        rowOverheadBytes,
      )
      const upperBound = known.get(owner)
      const fits = (before: number) => before + growth <= maxBytes
      if (upperBound !== undefined && fits(upperBound)) {
        remember(owner, upperBound + growth)
        return await work()
      }
      // What changes an entry may make it smaller.
      const before = isNew ? 0 : await vaults.size(owner)
      const isDone = await work()
      if (!isDone) return false
      const after = !isNew && fits(before) ? before + growth : await vaults.size(owner)
      remember(owner, after)
      if (after <= maxBytes || after <= before) return true
      throw new DomainError(
        'vault_full',
        `The vault may hold ${Math.floor(maxBytes / 1e6)} MB: delete something for good first`,
      )
    },
  }
}

/** Most bytes of UTF-8 that a unit of a JavaScript text takes. */
const maxUtf8Bytes = 3

export interface VaultReads {
  /** Bytes of all texts of an account, in UTF-8, with `rowBytes` for each entry and additional field. */
  size(owner: string): Promise<number>
}
