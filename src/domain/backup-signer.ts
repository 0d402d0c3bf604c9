/** Signs backups with a key that only the servers of a database have. */
export interface BackupSigner {
  /** Identifies the key, and reveals nothing about it. */
  readonly fingerprint: string
  /** Returns the signature of a backup with this checksum. */
  sign(checksum: string): string
  /** Returns whether the signature is the one that `sign` returns. */
  verify(checksum: string, signature: string): boolean
}

/**
 * What the signature of a backup tells, seen from one machine: `signed-here` shows that nobody without the secret key has
 * changed it, `forged` that somebody has. The others tell nothing: `other-key` is a signature of another machine or from before
 * a rotation of the key, `no-key` one that can't be checked without the secret key, and `unsigned` none at all.
 */
export type BackupOrigin = 'signed-here' | 'forged' | 'other-key' | 'no-key' | 'unsigned'
