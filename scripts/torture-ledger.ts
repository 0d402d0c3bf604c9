/** What a client may rely on: the values of its entries that the server has acknowledged. */

export type EntryKind = 'records' | 'notes' | 'additional_fields'

/** A value of an entry: a text that only it has. Null if the entry does not exist. */
type Value = string | null

interface LedgerEntry {
  readonly kind: EntryKind
  acknowledged: Value
  /** Values whose write was not acknowledged: each may or may not have been stored. */
  readonly uncertain: Set<Value>
}

/** The entries of one vault, by their ids. Writes to one entry come one after the other. */
export class Ledger {
  readonly #entries = new Map<string, LedgerEntry>()
  readonly #watches = new Set<{ kind: EntryKind; values: Map<string, Set<Value>> }>()
  acknowledged = 0

  /** Records that a write is about to be sent. */
  begin(kind: EntryKind, id: string, value: Value): void {
    const entry = this.#entries.get(id) ?? { kind, acknowledged: null, uncertain: new Set() }
    entry.uncertain.add(value)
    this.#entries.set(id, entry)
    for (const watch of this.#watches) {
      if (watch.kind !== kind) continue
      watch.values.set(id, (watch.values.get(id) ?? new Set([null])).add(value))
    }
  }

  /** Records that the write was acknowledged. */
  acknowledge(id: string, value: Value): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) throw new Error(`${id} was not begun`)
    entry.acknowledged = value
    entry.uncertain.clear()
    this.acknowledged++
  }

  /** Returns the ids of a kind whose entries exist for certain. */
  existing(kind: EntryKind): readonly string[] {
    return [...this.#entries]
      .filter(
        ([, entry]) =>
          entry.kind === kind && entry.acknowledged !== null && entry.uncertain.size === 0,
      )
      .map(([id]) => id)
  }

  /** Returns the values that each entry of a kind may have now. */
  allowed(kind: EntryKind): ReadonlyMap<string, ReadonlySet<Value>> {
    return new Map(
      [...this.#entries]
        .filter(([, entry]) => entry.kind === kind)
        .map(([id, { acknowledged, uncertain }]) => [id, new Set([acknowledged, ...uncertain])]),
    )
  }

  /**
   * Returns a function that returns the values that each entry of a kind may have had at some time since now: an answer shows one
   * of them, and may take so long that an entry is changed several times meanwhile.
   */
  watch(kind: EntryKind): () => ReadonlyMap<string, ReadonlySet<Value>> {
    const values = new Map([...this.allowed(kind)].map(([id, allowed]) => [id, new Set(allowed)]))
    const watch = { kind, values }
    this.#watches.add(watch)
    return () => {
      this.#watches.delete(watch)
      return values
    }
  }

  /** Makes what the server has, while nobody writes, the values to rely on. */
  settle(kind: EntryKind, stored: ReadonlyMap<string, string>): void {
    for (const [id, entry] of this.#entries) {
      if (entry.kind !== kind) continue
      entry.acknowledged = stored.get(id) ?? null
      entry.uncertain.clear()
    }
  }
}

/** Returns the ids whose stored value is not allowed: an acknowledged write is lost, or a value came out of nothing. */
export function findWrong(
  stored: ReadonlyMap<string, string>,
  allowed: ReadonlyMap<string, ReadonlySet<Value>>,
): readonly string[] {
  const ids = new Set([...allowed.keys(), ...stored.keys()])
  return [...ids].filter((id) => allowed.get(id)?.has(stored.get(id) ?? null) !== true)
}
