/** Certificates, as listeners serve them and certificate sources provide them. */

/** A certificate chain, the server's own certificate first, and its key. PEM. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

/** Where listeners get their certificate from. */
export interface CertificateSource {
  /** Returns the certificate to serve now. */
  current(): KeyPair
  /** Returns whether browsers trust the certificate by default, so that a response may require HTTPS (HSTS). */
  isPubliclyTrusted(): boolean
  /** Calls `listener` with each new certificate. Returns a function that unsubscribes. */
  subscribe(listener: (next: KeyPair) => void): () => void
}

/** A source that watches or renews its certificate until it is stopped. */
export interface RunningCertificateSource extends CertificateSource {
  /** Looks for a new certificate now, not only when it is time. */
  checkNow(): void
  /** Leaves no timer behind. */
  stop(): Promise<void>
}
