import type { Kysely, Transaction } from 'kysely'
import type { BackupReads, BackupState, BackupWrites, VerifiedBackup } from '../domain/backup-state'
import { ownProperty, parseJson } from '../domain/untrusted'
import { findFact, lockFact, saveFact } from './facts'
import type { Schema } from './schema'

/** The name of a fact. Facts are not copied: a copy of this database has backups of its own. */
const name = 'backups'

export function backupReads(db: Kysely<Schema>): BackupReads {
  return {
    async find() {
      const value = await findFact(db, name)
      return value === null ? null : parseState(value)
    },
  }
}

export function backupWrites(db: Transaction<Schema>): BackupReads & BackupWrites {
  return {
    ...backupReads(db),

    async findForChange() {
      const value = await lockFact(db, name)
      return value === null ? null : parseState(value)
    },

    async save(state) {
      await saveFact(db, name, JSON.stringify(state))
    },
  }
}

/** Returns null for a value in a shape that this version does not know. The next backup replaces it. */
function parseState(text: string): BackupState | null {
  const value = parseJson(text)
  const [since, claimedUntil] = [ownProperty(value, 'since'), ownProperty(value, 'claimedUntil')]
  if (typeof since !== 'number' || typeof claimedUntil !== 'number') return null
  return {
    since,
    claimedUntil,
    verified: parseVerified(ownProperty(value, 'verified')),
    failure: parseFailure(ownProperty(value, 'failure')),
  }
}

function parseVerified(value: unknown): VerifiedBackup | null {
  const [time, path, host] = [
    ownProperty(value, 'time'),
    ownProperty(value, 'path'),
    ownProperty(value, 'host'),
  ]
  if (typeof time !== 'number' || typeof path !== 'string' || typeof host !== 'string') return null
  const bytes = ownProperty(value, 'bytes')
  return { time, path, host, ...(typeof bytes === 'number' && { bytes }) }
}

function parseFailure(value: unknown): BackupState['failure'] {
  const [time, reason] = [ownProperty(value, 'time'), ownProperty(value, 'reason')]
  return typeof time === 'number' && typeof reason === 'string' ? { time, reason } : null
}
