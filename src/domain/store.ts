import type { AcmeChallengeReads, AcmeChallengeWrites } from './acme-challenge'
import type { AuditReads, AuditWrites } from './audit'
import type { BackupReads, BackupWrites } from './backup-state'
import type { OutboxReads, OutboxWrites } from './email-message'
import type { InvitationReads, InvitationWrites } from './invitation'
import type { KnownAddressReads, KnownAddressWrites } from './known-addresses'
import type { UserReads, UserWrites } from './user'
import type {
  AdditionalFieldReads,
  AdditionalFieldWrites,
  EntryWrites,
  NoteContent,
  NoteReads,
  RecordContent,
  RecordReads,
} from './vault'
import type { VaultReads } from './vault-quota'

/**
 * The one way to the rows: scopes that see one state of the database from begin to end.
 *
 * Both throw `unavailable` when the database does not answer within its patience and `storage_full` when
 * no space is left. Slow work (hashing) stays outside: a write scope holds up every other writer.
 */
export interface Store {
  /** Runs `work` on a snapshot; it may run again after a passing fault, so it has no effects of its own. */
  read<T>(work: (tx: ReadTransaction) => Promise<T>): Promise<T>

  /**
   * Runs `work` and commits what it did, durably, before it answers; a throw undoes all of it. It may run again
   * after a passing fault that undid it, so it has no effects but on rows; never when it may have committed.
   */
  write<T>(work: (tx: WriteTransaction) => Promise<T>): Promise<T>

  /** Throws `unavailable` unless the database answers and takes writes, sooner than a scope would. */
  check(): Promise<void>

  /** Whether writes are refused for want of space. */
  isShortOfSpace(): boolean
}

export interface ReadTransaction {
  readonly acmeChallenges: AcmeChallengeReads
  readonly backups: BackupReads
  readonly users: UserReads
  readonly knownAddresses: KnownAddressReads
  readonly invitations: InvitationReads
  readonly vaults: VaultReads
  readonly records: RecordReads
  readonly additionalFields: AdditionalFieldReads
  readonly notes: NoteReads
  readonly outbox: OutboxReads
  readonly audit: AuditReads
}

export interface WriteTransaction {
  readonly acmeChallenges: AcmeChallengeReads & AcmeChallengeWrites
  readonly backups: BackupReads & BackupWrites
  readonly users: UserReads & UserWrites
  readonly knownAddresses: KnownAddressReads & KnownAddressWrites
  readonly invitations: InvitationReads & InvitationWrites
  readonly vaults: VaultReads
  readonly records: RecordReads & EntryWrites<RecordContent>
  readonly additionalFields: AdditionalFieldReads & AdditionalFieldWrites
  readonly notes: NoteReads & EntryWrites<NoteContent>
  readonly outbox: OutboxReads & OutboxWrites
  readonly audit: AuditReads & AuditWrites
}
