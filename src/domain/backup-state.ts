/** What the servers of a database know of its archives. */
export interface BackupState {
  /** Since when somebody looks after them. Milliseconds since 1970 (UTC), as every time here. */
  readonly since: number
  /** The last archive that was written and proven. */
  readonly verified: VerifiedBackup | null
  /** Why the last try failed; null once one has passed again. */
  readonly failure: { readonly time: number; readonly reason: string } | null
  /** Until when one server has a try for itself. */
  readonly claimedUntil: number
}

export interface VerifiedBackup {
  readonly time: number
  /** Absolute path, on the machine `host`. */
  readonly path: string
  readonly host: string
}

export interface BackupReads {
  /** What is known of the archives of this database; null before anybody looked after them. */
  find(): Promise<BackupState | null>
}

export interface BackupWrites {
  save(state: BackupState): Promise<void>
}
