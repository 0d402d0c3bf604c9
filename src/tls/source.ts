import type { KeyPair } from '../domain/certificates'

/** What a source holds and tells of. */
export interface ObservableKeyPair {
  current(): KeyPair
  /** Takes another one and tells of it. The same one again is no news. */
  set(next: KeyPair): void
  subscribe(listener: (next: KeyPair) => void): () => void
}

export function createObservableKeyPair(first: KeyPair): ObservableKeyPair {
  let current = first
  const listeners = new Set<(next: KeyPair) => void>()
  return {
    current: () => current,
    set(next) {
      if (next.cert === current.cert && next.key === current.key) return
      current = next
      for (const listener of listeners) listener(next)
    },
    subscribe(listener) {
      // One of its own, so that a function that subscribes twice is told twice.
      const entry = (next: KeyPair) => listener(next)
      listeners.add(entry)
      return () => void listeners.delete(entry)
    },
  }
}
