import type { Kysely, Transaction } from 'kysely'
import type { AuditEvent } from '../domain/audit'
import type { ReadTransaction, WriteTransaction } from '../domain/store'
import { acmeChallengeReads, acmeChallengeWrites } from './acme-challenges'
import { additionalFieldReads } from './additional-fields'
import type { AuditSignerProvider } from './audit/append'
import { auditReads, auditWrites } from './audit/queries'
import { backupReads, backupWrites } from './backups'
import { deviceReads, deviceWrites } from './devices'
import { historyReads, historyWrites } from './history'
import { invitationReads, invitationWrites } from './invitations'
import { knownTimeReads, knownTimeWrites } from './known-time'
import { noteReads } from './notes'
import { outboxReads, outboxWrites } from './outbox'
import { recordReads } from './records'
import type { Schema } from './schema'
import { usageReads } from './usage'
import { userReads, userWrites } from './users'
import { vaultReads, vaultWrites } from './vaults'

/**
 * Returns the reads of every noun, in one transaction of the database; without one if `db` is none. Those of a noun are created when
 * they are used: most transactions read one noun.
 */
export function createReadTransaction(db: Kysely<Schema>): ReadTransaction {
  return {
    get acmeChallenges() {
      return acmeChallengeReads(db)
    },
    get audit() {
      return auditReads(db)
    },
    get backups() {
      return backupReads(db)
    },
    get knownTime() {
      return knownTimeReads(db)
    },
    get users() {
      return userReads(db)
    },
    get devices() {
      return deviceReads(db)
    },
    get invitations() {
      return invitationReads(db)
    },
    get vaults() {
      return vaultReads(db)
    },
    get records() {
      return recordReads(db)
    },
    get additionalFields() {
      return additionalFieldReads(db)
    },
    get notes() {
      return noteReads(db)
    },
    get history() {
      return historyReads(db)
    },
    get outbox() {
      return outboxReads(db)
    },
    get usage() {
      return usageReads(db)
    },
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
    get acmeChallenges() {
      return acmeChallengeWrites(db)
    },
    get audit() {
      return auditWrites(db, signerFor, record)
    },
    get backups() {
      return backupWrites(db)
    },
    get knownTime() {
      return knownTimeWrites(db)
    },
    get users() {
      return userWrites(db)
    },
    get devices() {
      return deviceWrites(db)
    },
    get invitations() {
      return invitationWrites(db)
    },
    get vaults() {
      return vaultWrites(db)
    },
    get records() {
      return recordReads(db)
    },
    get additionalFields() {
      return additionalFieldReads(db)
    },
    get notes() {
      return noteReads(db)
    },
    get history() {
      return historyWrites(db)
    },
    get outbox() {
      return outboxWrites(db)
    },
    get usage() {
      return usageReads(db)
    },
  }
}
