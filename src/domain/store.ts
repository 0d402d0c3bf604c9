import type { AcmeChallengeReads, AcmeChallengeWrites } from './acme-challenge'
import type { AuditReads, AuditWrites } from './audit'
import type { BackupReads, BackupWrites } from './backup-state'
import type { DeviceReads, DeviceWrites } from './devices'
import type { OutboxReads, OutboxWrites } from './email-message'
import type { InvitationReads, InvitationWrites } from './invitation'
import type { KnownTimeReads, KnownTimeWrites } from './known-time'
import type { RequestBounds } from './request-bounds'
import type { UsageReads } from './usage'
import type { UserReads, UserWrites } from './user'
import type { AdditionalFieldReads, NoteReads, RecordReads, VaultReads, VaultWrites } from './vault'
import type { HistoryReads, HistoryWrites } from './versions'

/**
 * Access to the database, in transactions that see one state of it from beginning to end.
 *
 * Both kinds throw `unavailable` if the database does not answer in time, by the deadline of `bounds` at the latest, and `storage_full` if no space is left. Slow work
 * (hashing) belongs outside of them: a write transaction blocks every other writer.
 */
export interface Store {
  /** Runs `work` on a snapshot. It may run again after a temporary fault, so it must have no side effects. */
  read<T>(work: (tx: ReadTransaction) => Promise<T>, bounds?: RequestBounds): Promise<T>

  /** Runs `work`, which makes one query, without the cost of a transaction around it. The same as `read` otherwise. */
  readOne<T>(work: (tx: ReadTransaction) => Promise<T>, bounds?: RequestBounds): Promise<T>

  /**
   * Returns a number that is another one after each change that was committed before the request that asks was sent. Null if only a
   * query can tell that. Throws as `read`.
   */
  version(): number | null

  /**
   * Runs `work` and commits durably before it resolves. If `work` throws, nothing is changed. `work` may run again after a
   * temporary fault, so it must have no side effects; it never runs again if the first run may have been committed. It does
   * not commit for a request whose client is gone or whose deadline has passed.
   */
  write<T>(work: (tx: WriteTransaction) => Promise<T>, bounds?: RequestBounds): Promise<T>

  /**
   * Throws `unavailable` unless the database answers and accepts writes. How the last write ended tells that; only if it failed
   * some seconds ago, or was long ago, one is tried. Gives up sooner than a transaction.
   */
  check(): Promise<void>

  /** Returns whether the last write failed because the database does not accept writes. */
  isFailing(): boolean

  /** Returns whether writes are refused because the disk is nearly full. */
  isShortOfSpace(): boolean
}

export interface ReadTransaction {
  readonly acmeChallenges: AcmeChallengeReads
  readonly backups: BackupReads
  readonly knownTime: KnownTimeReads
  readonly users: UserReads
  readonly devices: DeviceReads
  readonly invitations: InvitationReads
  readonly vaults: VaultReads
  readonly records: RecordReads
  readonly additionalFields: AdditionalFieldReads
  readonly notes: NoteReads
  readonly history: HistoryReads
  readonly outbox: OutboxReads
  readonly usage: UsageReads
  readonly audit: AuditReads
}

export interface WriteTransaction {
  readonly acmeChallenges: AcmeChallengeReads & AcmeChallengeWrites
  readonly backups: BackupReads & BackupWrites
  readonly knownTime: KnownTimeReads & KnownTimeWrites
  readonly users: UserReads & UserWrites
  readonly devices: DeviceReads & DeviceWrites
  readonly invitations: InvitationReads & InvitationWrites
  readonly vaults: VaultReads & VaultWrites
  readonly records: RecordReads
  readonly additionalFields: AdditionalFieldReads
  readonly notes: NoteReads
  readonly history: HistoryReads & HistoryWrites
  readonly outbox: OutboxReads & OutboxWrites
  readonly usage: UsageReads
  readonly audit: AuditReads & AuditWrites
}
