import { DomainError } from './errors'
import { ownershipError } from './ownership'
import type { Clock } from './runtime'
import type { Store, WriteTransaction } from './store'
import type { EntryInput, EntryWrites } from './vault'
import type { VaultQuota } from './vault-quota'

/** The life of a vault entry, the same for records and notes. */
export interface Entries<Content> {
  /** Adds an entry. Throws `conflict` when the id is taken, by whomever, and `vault_full`. */
  add(owner: string, input: EntryInput<Content>): Promise<void>

  /** Replaces what a client may set. Throws `not_found`, `forbidden` for somebody else's, and `vault_full`. */
  change(owner: string, input: EntryInput<Content>): Promise<void>

  /** Puts an entry into the trash, or deletes one that lies there. Throws as `change` does. */
  delete(owner: string, id: string): Promise<'trashed' | 'deleted'>
}

export function createEntries<Content>(deps: {
  store: Store
  clock: Clock
  quota: VaultQuota
  /** How messages name an entry. */
  noun: 'Record' | 'Note'
  pick: (tx: WriteTransaction) => EntryWrites<Content>
  textsOf: (content: Content) => readonly string[]
}): Entries<Content> {
  const { store, clock, quota, noun, pick, textsOf } = deps
  return {
    add: (owner, input) =>
      store.write(async (tx) => {
        const now = clock()
        const entry = { ...input, owner, creationTime: now, updateTime: now }
        const change = { texts: textsOf(input), isNew: true }
        if (!(await quota.charge(tx, owner, change, () => pick(tx).insert(entry)))) {
          throw new DomainError('conflict', `${noun} with id ${input.id} already exists`)
        }
      }),

    change: (owner, input) =>
      store.write(async (tx) => {
        const entries = pick(tx)
        const entry = { ...input, owner, updateTime: clock() }
        const change = { texts: textsOf(input), isNew: false }
        if (await quota.charge(tx, owner, change, () => entries.update(entry))) return
        throw ownershipError(noun, input.id, await entries.findOwner(input.id), owner)
      }),

    delete: (owner, id) =>
      store.write(async (tx) => {
        const entries = pick(tx)
        if (await entries.trash(owner, id)) return 'trashed'
        if (await entries.deleteTrashed(owner, id)) return 'deleted'
        throw ownershipError(noun, id, await entries.findOwner(id), owner)
      }),
  }
}
