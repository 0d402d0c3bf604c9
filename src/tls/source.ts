/** A certificate with those that lead to its authority, the leaf first, and the leaf's key. PEM. */
export interface CertifiedKey {
  readonly cert: string
  readonly key: string
}

/** Where listeners have their certificate from, for as long as they run. */
export interface CertificateSource {
  current(): CertifiedKey
  /** Whether everybody's browsers trust it, so that they may be told to come by HTTPS alone. */
  isPublic(): boolean
  /** Tells of each new certificate. Answers how to stop telling. */
  subscribe(take: (next: CertifiedKey) => void): () => void
  /** Looks after it no more, and leaves no timer behind. */
  stop(): Promise<void>
}

/** What a source holds and tells of. */
export interface Held {
  current(): CertifiedKey
  /** Takes another one and tells of it. The same one again is no news. */
  take(next: CertifiedKey): void
  subscribe(take: (next: CertifiedKey) => void): () => void
}

export function hold(first: CertifiedKey): Held {
  let current = first
  const takers = new Set<(next: CertifiedKey) => void>()
  return {
    current: () => current,
    take(next) {
      if (next.cert === current.cert && next.key === current.key) return
      current = next
      for (const take of takers) take(next)
    },
    subscribe(take) {
      // One of its own, so that a function that subscribes twice is told twice.
      const taker = (next: CertifiedKey) => take(next)
      takers.add(taker)
      return () => void takers.delete(taker)
    },
  }
}
