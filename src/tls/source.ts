import type { KeyPair } from '../domain/certificates'

/** The current key pair of a certificate source, and its subscribers. */
export interface ObservableKeyPair {
  current(): KeyPair
  /** Replaces the current pair and notifies the subscribers. Setting the same pair again does nothing. */
  set(next: KeyPair): void
  /** Calls `listener` with each new pair. Returns a function that ends the subscription. */
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
      // A new function each time, so that a listener that subscribes twice is called twice.
      const entry = (next: KeyPair) => listener(next)
      listeners.add(entry)
      return () => void listeners.delete(entry)
    },
  }
}
