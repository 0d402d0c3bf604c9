import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { Written } from '../api/answers'
import type { OpenAccount } from '../api/open-account'
import type { Failure, Result, ServerApi } from '../api/server'
import type { VaultKeys } from '../crypto/keys'
import {
  type ChangeDraft,
  compareChanges,
  type EncryptedChange,
  type EntryDraft,
  encryptChange,
  toWireChanges,
} from '../model/changes'
import { type DecryptedVault, type OpenEntry, openEntries, openVault } from '../model/entries'
import { countPlaces, orderEntries, type Places } from '../model/lists'

/** What came of saving. */
export type SaveOutcome =
  | { readonly kind: 'saved' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** Somebody else changed the entry, or deleted it. */
  | { readonly kind: 'conflict'; readonly theirs: OpenEntry | null }

/** What is shown of a vault. */
export interface VaultView {
  readonly isReadOnly: boolean
  readonly vault: ReadonlySignal<DecryptedVault>
  readonly ordered: ReadonlySignal<readonly OpenEntry[]>
  readonly places: ReadonlySignal<Places>
  find(id: string | null): OpenEntry | null
}

/** The vault of a server: what is shown of it, and all that changes it. */
export interface VaultState extends VaultView {
  /** Why the last look at the server failed; null if it did not. */
  readonly trouble: Signal<Failure | null>
  save(draft: ChangeDraft): Promise<SaveOutcome>
  /** Sends changes that are encrypted already, as an import has many. None is sent if they are under another key than the vault. */
  send(changes: readonly EncryptedChange[]): Promise<Failure | null>
  /** Does something while nothing is being written, and keeps writes waiting until it is done. */
  alone<Value>(work: () => Promise<Value>): Promise<Value>
  refresh(): Promise<Failure | null>
  ask<Value>(question: (token: string) => Promise<Result<Value>>): Promise<Result<Value>>
  readonly account: Signal<Account>
  key(): CryptoKey
  /** Goes on under new keys, with the vault read again. */
  changeKeys(next: {
    keys: VaultKeys
    salt: string
    session: OpenAccount['session']
  }): Promise<void>
  /** Ends all work that goes on: nothing more is asked or sent. */
  close(): void
  isClosed(): boolean
}

type Account = Omit<OpenAccount, 'vault'>

const notSent = { ok: false, failure: { kind: 'not-sent' } } as const

export function createVaultState(deps: {
  api: ServerApi
  opened: OpenAccount
  language: () => string
  /** Called when the server says that the session ended. */
  onSignedOut: () => void
}): VaultState {
  const { api } = deps
  const { vault: first, ...opened } = deps.opened
  const vault = signal<DecryptedVault>(first)
  const account = signal<Account>(opened)
  const trouble = signal<Failure | null>(null)
  const key = () => account.value.keys.encryptionKey
  /** A reading that began before a write may lack it. */
  let writes = 0
  let isClosed = false
  let last: Promise<unknown> = Promise.resolve()

  function alone<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = last.then(work)
    last = done.catch(() => null)
    return done
  }

  async function ask<Value>(
    question: (token: string) => Promise<Result<Value>>,
  ): Promise<Result<Value>> {
    if (isClosed) return notSent
    const asking = account.value
    const answer = await asking.session.ask(question)
    const isPresent = !isClosed && asking === account.value
    if (!answer.ok && answer.failure.kind === 'signed-out' && isPresent) deps.onSignedOut()
    return answer
  }

  async function refresh(): Promise<Failure | null> {
    const [before, usedKey] = [writes, key()]
    const known = vault.value
    const read = await ask((token) => api.readVault(token, known.state))
    trouble.value = read.ok ? null : read.failure
    if (!read.ok) return read.failure
    if (read.value === null) return null
    const previous = vault.value.entries
    const next = await openVault({ key: usedKey, vault: read.value, previous })
    if (isClosed || usedKey !== key()) return null
    if (before !== writes) return refresh()
    vault.value = next
    return null
  }

  /** The one way of a change to the server. Its key and the session that sends it belong to one account of one moment. */
  async function write(changes: readonly EncryptedChange[]): Promise<Result<Written>> {
    if (changes.some((change) => change.key !== key())) return notSent
    writes++
    const written = await ask((token) => api.writeVault(token, toWireChanges(changes)))
    writes++
    return written
  }

  async function send(changes: readonly EncryptedChange[]): Promise<Failure | null> {
    const written = await alone(() => write(changes))
    return written.ok ? null : written.failure
  }

  async function save(draft: ChangeDraft): Promise<SaveOutcome> {
    // Encrypted in its turn: a change of the master password that is under way brings another key.
    const [usedKey, written] = await alone(async () => {
      const usedKey = key()
      return [usedKey, await write([await encryptChange(usedKey, draft)])] as const
    })
    if (written.ok) {
      const [stamp] = [...written.value.records, ...written.value.notes]
      apply(draft, stamp ?? null)
      trouble.value = null
      // Others may have written before; this entry is known already.
      void refresh()
      return { kind: 'saved' }
    }
    const { failure } = written
    if (failure.kind !== 'outdated') return { kind: 'failed', failure }
    const present = await openEntries(usedKey, failure.present, vault.value.entries)
    const [compared] = compareChanges([draft], present)
    void refresh()
    if (compared?.outcome === 'made') return { kind: 'saved' }
    return { kind: 'conflict', theirs: compared?.outcome === 'conflict' ? compared.theirs : null }
  }

  /** Shows a change as the server has stored it. The state stays the old one, so that the next reading is complete. */
  function apply(
    draft: ChangeDraft,
    stamp: { revision: number; creation_time: string; update_time: string } | null,
  ): void {
    const { entries } = vault.value
    const others = entries.filter(({ id }) => id !== draft.id)
    if ('isDeletion' in draft || stamp === null) {
      vault.value = { ...vault.value, entries: others }
      return
    }
    const entry = storedEntry(draft, stamp)
    const at = entries.findIndex(({ id }) => id === draft.id)
    vault.value = {
      ...vault.value,
      entries: at === -1 ? [...entries, entry] : entries.with(at, entry),
    }
  }

  return {
    ...viewOf({ vault, language: deps.language, isReadOnly: false }),
    ...{ trouble, account, key, ask, send, save, alone, refresh },
    close() {
      isClosed = true
    },
    isClosed: () => isClosed,
    async changeKeys(next) {
      if (isClosed) return
      account.value = next
      writes++
      const read = await ask((token) => api.readVault(token, null))
      if (!read.ok || read.value === null) return
      const opened = await openVault({ key: next.keys.encryptionKey, vault: read.value })
      if (!isClosed && account.value === next) vault.value = opened
    },
  }
}

/** Returns what is shown of a vault, computed when it changes. */
export function viewOf(deps: {
  vault: ReadonlySignal<DecryptedVault>
  language: () => string
  isReadOnly: boolean
}): VaultView {
  const { vault, language, isReadOnly } = deps
  const byId = computed(() => new Map(vault.value.entries.map((entry) => [entry.id, entry])))
  return {
    ...{ isReadOnly, vault },
    ordered: computed(() => orderEntries(vault.value.entries, language())),
    places: computed(() => countPlaces(vault.value.entries, language())),
    find: (id) => (id === null ? null : (byId.value.get(id) ?? null)),
  }
}

function storedEntry(
  draft: EntryDraft,
  stamp: { revision: number; creation_time: string; update_time: string },
): OpenEntry {
  const { revision } = stamp
  const times = {
    created: Date.parse(stamp.creation_time) || 0,
    updated: Date.parse(stamp.update_time) || 0,
  }
  return { ...draft, revision, ...times }
}
