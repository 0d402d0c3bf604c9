import { DomainError } from './errors'
import type { VaultReads } from './store'

/**
 * How much one account may keep. A vault is one answer to its clients, so this also bounds what an answer takes, and
 * what a stranger who signed up can fill of the disk.
 */
export interface VaultBound {
  /**
   * Runs work of a write scope that adds texts of an entry or field to a vault, or replaces some by them. Throws
   * `vault_full` where the vault grows beyond the bound: what is there already can always be changed and deleted.
   */
  within<T>(
    scope: { readonly vaults: VaultReads },
    owner: string,
    texts: readonly string[],
    work: () => Promise<T>,
  ): Promise<T>
}

/** What a row takes besides its texts, about, in bytes: a vault of empty entries has an end too. */
export const rowBytes = 256

/** For how many accounts at most it is remembered how large their vaults may be. */
const mostKnown = 10_000

/** `most` in bytes of UTF-8, with `rowBytes` for each entry and field. */
export function createVaultBound(most: number): VaultBound {
  /**
   * Vaults are no larger than this, as far as this server knows: what is deleted is not taken off, and each is measured
   * anew before it is refused. So a write measures nothing as a rule. Another server may add as much again unseen.
   */
  const known = new Map<string, number>()

  const remember = (owner: string, size: number) => {
    known.delete(owner)
    known.set(owner, size)
    const [oldest] = known.keys()
    if (known.size > mostKnown && oldest !== undefined) known.delete(oldest)
  }

  return {
    async within({ vaults }, owner, texts, work) {
      const growth = texts.reduce((sum, { length }) => sum + length * mostUtf8, rowBytes)
      const atMost = known.get(owner)
      const before =
        atMost !== undefined && atMost + growth <= most ? atMost : await vaults.size(owner)
      if (before + growth <= most) {
        remember(owner, before + growth)
        return await work()
      }
      const result = await work()
      const after = await vaults.size(owner)
      remember(owner, after)
      if (after <= most || after <= before) return result
      throw new DomainError(
        'vault_full',
        `The vault may hold ${Math.floor(most / 1e6)} MB: delete something for good first`,
      )
    },
  }
}

/** Most bytes of UTF-8 that a unit of a JavaScript text takes. */
const mostUtf8 = 3
