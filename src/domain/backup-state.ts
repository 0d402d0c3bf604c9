/** What the servers of a database have recorded about its backups. Times are in milliseconds since 1970 (UTC). */
export interface BackupState {
  /** When scheduled backups began. */
  readonly since: number
  /** The last backup that was written and verified; null before the first. */
  readonly verified: VerifiedBackup | null
  /** Why the last backup failed; null after one that succeeded. */
  readonly failure: { readonly time: number; readonly reason: string } | null
  /** Until when no other server may start a backup. */
  readonly claimedUntil: number
}

export interface VerifiedBackup {
  readonly time: number
  /** Absolute path, on the machine `host`. */
  readonly path: string
  readonly host: string
  /** Its size. Unknown if an earlier version has written it. */
  readonly bytes?: number
}

export interface BackupReads {
  /** Returns null before the first scheduled backup. */
  find(): Promise<BackupState | null>
}

export interface BackupWrites {
  /** As `BackupReads.find`. Another transaction that calls this waits for the end of this one, and sees its change. */
  findForChange(): Promise<BackupState | null>
  /** Replaces the state. */
  save(state: BackupState): Promise<void>
}
