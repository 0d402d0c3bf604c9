import type { Kysely, Transaction } from 'kysely'
import type { AuditEvent } from '../domain/audit'
import type { ReadTransaction, WriteTransaction } from '../domain/store'
import { acmeChallengeReads, acmeChallengeWrites } from './acme-challenges'
import { additionalFieldReads, additionalFieldWrites } from './additional-fields'
import type { AuditSignerProvider } from './audit/append'
import { auditReads, auditWrites } from './audit/queries'
import { backupReads, backupWrites } from './backups'
import { invitationReads, invitationWrites } from './invitations'
import { knownAddressReads, knownAddressWrites } from './known-addresses'
import { knownTimeReads, knownTimeWrites } from './known-time'
import { noteReads, noteWrites } from './notes'
import { outboxReads, outboxWrites } from './outbox'
import { recordReads, recordWrites } from './records'
import type { Schema } from './schema'
import { userReads, userWrites } from './users'
import { vaultReads } from './vaults'

/** Returns the reads of every noun, in one transaction of the database; without one if `db` is none. */
export function createReadTransaction(db: Kysely<Schema>): ReadTransaction {
  return {
    acmeChallenges: acmeChallengeReads(db),
    audit: auditReads(db),
    backups: backupReads(db),
    knownTime: knownTimeReads(db),
    users: userReads(db),
    knownAddresses: knownAddressReads(db),
    invitations: invitationReads(db),
    vaults: vaultReads(db),
    records: recordReads(db),
    additionalFields: additionalFieldReads(db),
    notes: noteReads(db),
    outbox: outboxReads(db),
  }
}

/**
 * Returns the reads and writes of every noun, in one transaction of the database. `record` receives the audit events.
 */
export function createWriteTransaction(
  db: Transaction<Schema>,
  signerFor: AuditSignerProvider,
  record: (event: AuditEvent) => void,
): WriteTransaction {
  return {
    acmeChallenges: acmeChallengeWrites(db),
    audit: auditWrites(db, signerFor, record),
    backups: backupWrites(db),
    knownTime: knownTimeWrites(db),
    users: userWrites(db),
    knownAddresses: knownAddressWrites(db),
    invitations: invitationWrites(db),
    vaults: vaultReads(db),
    records: recordWrites(db),
    additionalFields: additionalFieldWrites(db),
    notes: noteWrites(db),
    outbox: outboxWrites(db),
  }
}
