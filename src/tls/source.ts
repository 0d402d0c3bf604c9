/** A certificate with those that lead to its authority, the leaf first, and the leaf's key. PEM. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

/** Where listeners have their certificate from, for as long as they run. */
export interface CertificateSource {
  current(): KeyPair
  /** Whether everybody's browsers trust it, so that they may be told to come by HTTPS alone. */
  isPubliclyTrusted(): boolean
  /** Tells of each new certificate. Answers how to stop telling. */
  subscribe(listener: (next: KeyPair) => void): () => void
  /** Looks after it no more, and leaves no timer behind. */
  stop(): Promise<void>
}

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
