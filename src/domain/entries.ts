import { DomainError } from './errors'
import { ownershipError } from './ownership'
import { type Session, type VaultWriteDeps, writeInSession } from './sessions'
import type { ReadTransaction } from './store'
import type { EntryInput, EntryReads, EntryWrites, WritableVault } from './vault'
import type { VaultQuota } from './vault-quota'

/** Adding, changing and deleting vault entries: the same rules for records and notes. */
export interface Entries<Content> {
  /** Throws `conflict` if the id is taken, by any user, and `vault_full`. */
  add(session: Session, input: EntryInput<Content>): Promise<void>

  /** Replaces the content and flags. Throws `not_found`, `forbidden` for another user's entry, and `vault_full`. */
  change(session: Session, input: EntryInput<Content>): Promise<void>

  /**
   * Moves an entry to the trash, or deletes it if it is in the trash already. Throws `not_found`, `forbidden` for another
   * user's entry.
   */
  delete(session: Session, id: string): Promise<'trashed' | 'deleted'>
}

/** What the rules of a vault need. */
export interface VaultRuleDeps extends VaultWriteDeps {
  readonly quota: VaultQuota
}

export function createEntries<Content>(
  deps: VaultRuleDeps & {
    /** Names an entry in messages, which are part of the wire contract. */
    noun: 'Record' | 'Note'
    reads: (tx: Pick<ReadTransaction, 'records' | 'notes'>) => EntryReads
    writes: (vault: WritableVault) => EntryWrites<Content>
    textsOf: (content: Content) => readonly string[]
  },
): Entries<Content> {
  const { clock, quota, noun, reads, writes, textsOf } = deps
  return {
    add: (session, input) =>
      writeInSession(deps, session, async (vault, tx) => {
        const now = clock()
        const entry = { ...input, creationTime: now, updateTime: now }
        const change = { owner: vault.owner, texts: textsOf(input), isNew: true }
        if (!(await quota.charge(tx, change, () => writes(vault).insert(entry)))) {
          throw new DomainError('conflict', `${noun} with id ${input.id} already exists`)
        }
      }),

    change: (session, input) =>
      writeInSession(deps, session, async (vault, tx) => {
        const { owner } = vault
        const entry = { ...input, updateTime: clock() }
        const change = { owner, texts: textsOf(input), isNew: false }
        if (await quota.charge(tx, change, () => writes(vault).update(entry))) return
        const actualOwner = await reads(tx).findOwner(input.id)
        throw ownershipError({ noun, id: input.id, owner: actualOwner, currentUser: owner })
      }),

    delete: (session, id) =>
      writeInSession(deps, session, async (vault, tx) => {
        const entries = writes(vault)
        if (await entries.trash(id)) return 'trashed'
        if (await entries.deleteTrashed(id)) return 'deleted'
        const owner = await reads(tx).findOwner(id)
        throw ownershipError({ noun, id, owner, currentUser: vault.owner })
      }),
  }
}
