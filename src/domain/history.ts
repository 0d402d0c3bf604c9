import type { AccountSession } from './account'
import type { VaultRuleDeps } from './entries'
import { DomainError } from './errors'
import type { LoginEventBuffer } from './login-events'
import { type Session, writeInSession } from './sessions'
import type { WriteTransaction } from './store'
import { isStorable } from './text'
import type { Revised, VaultEntry, WritableVault } from './vault'
import {
  type EntryChange,
  growthOf,
  isSameNote,
  isSameVaultRecord,
  makeChanges,
  type VaultEntries,
} from './vault-changes'
import type { VaultQuota } from './vault-quota'
import { listNamed } from './vault-sync'
import type { HistoryPolicy, Version, VersionContents, VersionOf } from './versions'

/*
 * A version is an entry whole, as it was before a change: a record with its additional fields, or a note. `src/store/history-keeper.ts`
 * keeps it in the transaction of the change, for all that write to a vault. The rules:
 *
 * - One is kept before ciphertext of the entry is replaced or deleted, unless it has a version that is younger than
 *   `versionInterval`. So a burst of changes keeps the state before the first of them. Flags, new fields and equal ciphertext lose
 *   nothing, and keep nothing.
 * - One is kept whenever an entry is deleted permanently, and whenever a version is restored: the present state is not lost.
 * - The newest `maxVersionsPerEntry` of an entry stay, for `versionLifetime`, and of an account as much as `HistoryPolicy` allows;
 *   the oldest go first. No write is refused for any of this.
 */

/** The history of a vault, as a list shows it. */
export interface HistoryListing {
  readonly versions: readonly Version[]
  /** Null: the operator has turned it off, and these are from before that. */
  readonly policy: HistoryPolicy | null
}

/** What owners do with the history of their vaults. */
export interface History {
  list(session: Session): Promise<HistoryListing>

  /** Returns the versions of the record and of the note with an id. Throws `not_found` if there are none. */
  read(session: Session, entryId: string): Promise<VersionContents>

  /**
   * Makes a version the present state of its entry, and returns that. The state until now becomes a version itself, unless both
   * are equal. An entry that was deleted comes back with its id, its fields and its time of creation, in its place. Throws `not_found`
   * if there is no such version, `conflict` if the id of the entry or of one of its fields is taken by now, `vault_full`.
   */
  restore(session: Session, version: number): Promise<VaultEntries>

  /** Deletes all versions of all entries. `address` is that of the client. */
  forget(session: AccountSession, address: string | null): Promise<void>
}

export function createHistory(deps: VaultRuleDeps & { loginEvents: LoginEventBuffer }): History {
  const { store, clock, quota, history: policy, loginEvents } = deps
  return {
    list: ({ user, request }) =>
      store.readOne(async (tx) => ({ versions: await tx.history.list(user.id), policy }), request),

    read: ({ user, request }, entryId) =>
      store.read(async (tx) => {
        const contents = isStorable(entryId) ? await tx.history.read(user.id, { entryId }) : null
        if (contents !== null && contents.records.length + contents.notes.length > 0)
          return contents
        throw new DomainError('not_found', `The history has no version of entry ${entryId}`)
      }, request),

    restore: (session, version) =>
      writeInSession(deps, session, (vault, tx) =>
        restoreVersion(vault, tx, { version, quota, now: clock() }),
      ),

    async forget(session, address) {
      const event = loginEvents.coalesce({ kind: 'history-deleted', user: session.user, address })
      await writeInSession(deps, session, async (vault, tx) => {
        await vault.history.forget()
        if (event !== null) tx.audit.record(event)
      })
    },
  }
}

/** As `History.restore`, in a transaction. */
export async function restoreVersion(
  vault: WritableVault,
  tx: WriteTransaction,
  { version, quota, now }: { version: number; quota: VaultQuota; now: number },
): Promise<VaultEntries> {
  const { records, notes } = await tx.history.read(vault.owner, { number: version })
  if (records.length + notes.length === 0)
    throw new DomainError('not_found', `The history has no version ${version}`)
  const named = {
    records: records.map((each) =>
      changeTo(each, {
        ...each.entry,
        additionalFields: each.entry.additionalFields.map(({ id, name, value }) => ({
          id,
          name,
          value,
        })),
      }),
    ),
    notes: notes.map((each) => changeTo(each, each.entry)),
  }
  const present = await listNamed(vault, tx, named)
  const changes = {
    records: basedOn(named.records, present.records, isSameVaultRecord),
    notes: basedOn(named.notes, present.notes, isSameNote),
  }
  if (changes.records.length + changes.notes.length === 0) return present
  await quota.charge(tx, growthOf(vault, changes), async () => {
    await vault.history.keepAlways('record', idsOf(present.records))
    await vault.history.keepAlways('note', idsOf(present.notes))
    await makeChanges(vault, changes, { present, now })
    return true
  })
  return await listNamed(vault, tx, named)
}

/** Returns the change that makes an entry what it was in a version, if it is gone now. */
function changeTo<Input>(
  { entryId, entry, order }: VersionOf<VaultEntry>,
  input: Input,
): EntryChange<Input> {
  const { creationTime } = entry
  return { id: entryId, revision: null, input, origin: { creationTime, order } }
}

/** Bases changes on the entries that are there, and leaves out those that would change nothing. */
function basedOn<Input, Entry extends VaultEntry>(
  changes: readonly EntryChange<Input>[],
  present: readonly Revised<Entry>[],
  isSame: (input: Input, entry: Entry) => boolean,
): readonly EntryChange<Input>[] {
  return changes.flatMap((change) => {
    const entry = present.find(({ id }) => id === change.id)
    if (entry === undefined) return [change]
    const isMade = change.input !== null && isSame(change.input, entry)
    return isMade ? [] : [{ ...change, revision: entry.revision }]
  })
}

const idsOf = (entries: readonly VaultEntry[]) => entries.map(({ id }) => id)
