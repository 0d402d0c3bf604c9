import type { VaultRuleDeps } from './entries'
import { DomainError } from './errors'
import { type Session, sessionEnded, writeInSession } from './sessions'
import type { ReadTransaction } from './store'
import type { Revised, VaultEntry, WritableVault } from './vault'
import {
  type EntryChange,
  growthOf,
  isSameNote,
  isSameVaultRecord,
  makeChanges,
  type VaultChanges,
  type VaultEntries,
} from './vault-changes'
import { vaultStateOf } from './vault-state'

/** A whole vault, with what a client needs to know of its account. */
export interface WholeVault extends VaultEntries {
  readonly email: string
  readonly hint: string | null
}

/** Some entries are not, or no longer, as the client has read them. Nothing was changed. */
export class OutdatedError extends DomainError {
  /** Those entries as they are; the ones that are gone are missing. */
  readonly present: VaultEntries

  constructor(present: VaultEntries) {
    super('outdated', 'Some entries were changed meanwhile')
    this.present = present
  }
}

/** Reading and writing a whole vault. */
export interface VaultSync {
  read(session: Session): Promise<WholeVault>

  /**
   * Makes all changes, or none, and returns the entries that were named and are left. A new entry that is there with the same content
   * already counts as made, so that a request can be repeated. Throws `OutdatedError`; `conflict` if an id is taken by another
   * account, or that of a field by another record; `vault_full`.
   */
  write(session: Session, changes: VaultChanges): Promise<VaultEntries>
}

export function createVaultSync(deps: VaultRuleDeps): VaultSync {
  const { store, clock, quota } = deps
  return {
    read: ({ user: { id }, request }) =>
      store.read(async (tx) => {
        const user = await tx.users.findById(id)
        if (user === null) throw sessionEnded()
        const [records, notes] = await Promise.all([
          tx.records.listByOwner(id),
          tx.notes.listByOwner(id),
        ])
        return { state: vaultStateOf(user), email: user.email, hint: user.hint, records, notes }
      }, request),

    write: (session, changes) =>
      writeInSession(deps, session, async (vault, tx) => {
        // A refusal undoes what has raised the revision.
        const before = { id: vault.owner, revision: vault.revision - 1 }
        const present = { ...(await listNamed(vault, tx, changes)), state: vaultStateOf(before) }
        const pending = requireCurrent(changes, present)
        await quota.charge(tx, growthOf(vault, pending), async () => {
          await makeChanges(vault, pending, { present, now: clock() })
          return true
        })
        return await listNamed(vault, tx, changes)
      }),
  }
}

/** Returns the entries that changes name, as they are in the transaction now. */
export async function listNamed(
  { owner, revision }: WritableVault,
  tx: Pick<ReadTransaction, 'records' | 'notes'>,
  { records, notes }: VaultChanges,
): Promise<VaultEntries> {
  const idOf = ({ id }: { readonly id: string }) => id
  const [namedRecords, namedNotes] = await Promise.all([
    tx.records.listByIds(owner, records.map(idOf)),
    tx.notes.listByIds(owner, notes.map(idOf)),
  ])
  return {
    state: vaultStateOf({ id: owner, revision }),
    records: namedRecords,
    notes: namedNotes,
  }
}

/** Returns the changes that are still to be made. Throws OutdatedError if some are based on another revision. */
function requireCurrent(changes: VaultChanges, present: VaultEntries): VaultChanges {
  const records = compare(changes.records, present.records, isSameVaultRecord)
  const notes = compare(changes.notes, present.notes, isSameNote)
  if (records.isOutdated || notes.isOutdated) {
    const { state } = present
    throw new OutdatedError({ state, records: records.outdated, notes: notes.outdated })
  }
  return { records: records.pending, notes: notes.pending }
}

/** Compares the revisions of changes with those of the entries that are there. */
function compare<Input, Entry extends VaultEntry>(
  changes: readonly EntryChange<Input>[],
  entries: readonly Revised<Entry>[],
  isSame: (input: Input, entry: Entry) => boolean,
) {
  const present = new Map(entries.map((entry) => [entry.id, entry]))
  const pending: EntryChange<Input>[] = []
  const outdated: Revised<Entry>[] = []
  let isOutdated = false
  for (const change of changes) {
    const { id, revision, input } = change
    const entry = present.get(id)
    const isMade =
      revision === null && input !== null && entry !== undefined && isSame(input, entry)
    if (isMade) continue
    if (revision === (entry?.revision ?? null)) {
      pending.push(change)
    } else {
      isOutdated = true
      if (entry !== undefined) outdated.push(entry)
    }
  }
  return { pending, outdated, isOutdated }
}
