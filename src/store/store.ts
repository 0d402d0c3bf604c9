import { type Dialect, Kysely, type Transaction } from 'kysely'
import type { AuditEvent, AuditSigner } from '../domain/audit'
import { DomainError } from '../domain/errors'
import type { Wait } from '../domain/runtime'
import type { ReadTransaction, Store, WriteTransaction } from '../domain/store'
import { engineFault } from '../engine/faults'
import { acmeChallengeReads, acmeChallengeWrites } from './acme-challenges'
import { additionalFieldReads, additionalFieldWrites } from './additional-fields'
import { type AuditSignerProvider, appendEvents, beginAuditLog } from './audit/append'
import { lockAuditLog } from './audit/chain'
import { auditReads, auditWrites } from './audit/queries'
import { signFirstTime } from './audit/resign'
import { backupReads, backupWrites } from './backups'
import { invitationReads, invitationWrites } from './invitations'
import { claimKeyFingerprint, findKeyFingerprint } from './key-fingerprint'
import { knownAddressReads, knownAddressWrites } from './known-addresses'
import { noteReads, noteWrites } from './notes'
import { outboxReads, outboxWrites } from './outbox'
import { recordReads, recordWrites } from './records'
import type { Schema } from './schema'
import { userReads, userWrites } from './users'
import { vaultReads } from './vaults'

/** How long a scope keeps trying after a passing fault, in milliseconds (contract: up to 10 s). */
const timeout = 10_000

/** How long a check keeps trying: whoever asks for readiness asks again soon. */
const checkTimeout = 2_000

/** How long a scope waits between tries, in milliseconds. */
const retryDelay = 50

/** What a claim of a database by a key came to. */
export interface KeyClaim {
  /** The one that the database has. */
  readonly fingerprint: string
  /** What lay there already when it got its first key, null where it had one; `rows` of the audit trail, `unproven` of them. */
  readonly existing: {
    readonly accounts: number
    readonly rows: number
    readonly unproven: number
  } | null
}

export interface OpenedStore extends Store {
  /** The fingerprint of the secret key that this database's servers share; null before its first server. */
  findKeyFingerprint(): Promise<string | null>
  /**
   * Gives the database a fingerprint unless it has one. Where it has this key's then, the audit trail is signed from
   * then on by `seal`, and what lay there unsigned or of another key is signed anew, which is written down.
   */
  claimKeyFingerprint(key: {
    readonly fingerprint: string
    readonly signer: AuditSigner
    readonly time: number
  }): Promise<KeyClaim>
  /** Has a command sign the audit trail. */
  setAuditSigner(signerFor: AuditSignerProvider): void
  /** Closes the database; no scope may be under way. */
  close(): Promise<void>
}

/** An open database: where snapshots are read, where changes are committed; on some engines the same. */
export interface DatabaseHandles {
  readonly reader: Dialect
  readonly writer: Dialect
  /** Whether writes are to be refused before there is no space at all; absent where that is the engine's own affair. */
  isShortOfSpace?(): boolean
  /** Asked within a write scope. */
  canWrite(db: Kysely<Schema>): Promise<boolean>
  /** Told which secret key the database has, once that is known. */
  onKeyFingerprint?(fingerprint: string): void
  close(): Promise<void>
}

/** The store over the open handles of one database. */
export function createStore(handles: DatabaseHandles, wait: Wait): OpenedStore {
  const reader = new Kysely<Schema>({ dialect: handles.reader })
  const writer = new Kysely<Schema>({ dialect: handles.writer })

  let signerFor: AuditSignerProvider = noAuditSigner

  /** Whether the last write met a full disk: the one way in which a database elsewhere tells of it. */
  let wasFull = false

  /** One try of a write scope. `committing` is called when nothing but the commit is left to do. */
  const runWriteTransaction = <T>(
    work: (db: Transaction<Schema>) => Promise<T>,
    committing: () => void,
  ) =>
    writer
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (db) => {
        const result = await work(db)
        committing()
        return result
      })

  return {
    read: (work) =>
      withRetries({ wait, timeout }, () =>
        reader
          .transaction()
          .setIsolationLevel('repeatable read')
          .setAccessMode('read only')
          .execute((db) => work(createReadTransaction(db))),
      ),

    async write(work) {
      if (handles.isShortOfSpace?.() === true) throw storageFullError()
      let isLate = false
      try {
        const result = await withRetries({ wait, timeout }, (committing) =>
          runWriteTransaction(async (db) => {
            if (isLate) await lockAuditLog(db)
            const events: AuditEvent[] = []
            const result = await work(
              createWriteTransaction(db, signerFor, (event) => events.push(event)),
            )
            isLate = events.length > 0
            // Last of all, so that nobody else's append waits for the work.
            await appendEvents(db, signerFor, events)
            return result
          }, committing),
        )
        wasFull = false
        return result
      } catch (error) {
        if (error instanceof DomainError && error.code === 'storage_full') wasFull = true
        throw error
      }
    },

    isShortOfSpace: () => handles.isShortOfSpace?.() === true || wasFull,

    async check() {
      const canWrite = await withRetries({ wait, timeout: checkTimeout }, (committing) =>
        runWriteTransaction((db) => handles.canWrite(db), committing),
      )
      if (!canWrite) {
        throw new DomainError('unavailable', 'The database takes no writes at present')
      }
    },

    findKeyFingerprint: () =>
      withRetries({ wait, timeout }, () => reader.transaction().execute(findKeyFingerprint)),

    async claimKeyFingerprint({ fingerprint, signer, time }) {
      const found = await withRetries({ wait, timeout }, (committing) =>
        runWriteTransaction(async (db): Promise<KeyClaim> => {
          const present = await findKeyFingerprint(db)
          if (present !== null) {
            if (present === fingerprint) await beginAuditLog(db, signer, time)
            return { fingerprint: present, existing: null }
          }
          await claimKeyFingerprint(db, fingerprint)
          const users = db.selectFrom('users').select(({ fn }) => fn.countAll().as('count'))
          const accounts = Number((await users.executeTakeFirstOrThrow()).count)
          const { rows, unverified } = await signFirstTime(db, signer, time)
          await beginAuditLog(db, signer, time)
          return { fingerprint, existing: { accounts, rows, unproven: unverified } }
        }, committing),
      )
      if (found.fingerprint === fingerprint) signerFor = () => signer
      handles.onKeyFingerprint?.(found.fingerprint)
      return found
    },

    setAuditSigner(signerProvider) {
      signerFor = signerProvider
    },

    close: handles.close,
  }
}

/**
 * Tries again after passing faults for as long as the patience lasts; what remains becomes a DomainError. A
 * try that has called `committing` is not repeated unless the engine says that it undid it: it may have
 * committed. One that outlasts the patience is left to its engine's own timeouts, and never commits.
 */
async function withRetries<T>(
  { wait, timeout }: { wait: Wait; timeout: number },
  attempt: (committing: () => void) => Promise<T>,
): Promise<T> {
  const timer = new AbortController()
  let isOver = false
  let overdue: (error: unknown) => void = () => {}
  const limit = new Promise<never>((_, reject) => {
    overdue = reject
  })
  let lastFault: unknown
  wait(timeout, timer.signal).then(
    () => {
      isOver = true
      overdue(unavailableError(lastFault))
    },
    // The scope has ended in time.
    () => {},
  )

  const trying = async (): Promise<T> => {
    for (;;) {
      let isCommitting = false
      try {
        return await attempt(() => {
          if (isOver) throw unavailableError(lastFault)
          isCommitting = true
        })
      } catch (error) {
        lastFault = error
        const fault = engineFault(error)
        if (fault === 'full') {
          throw storageFullError(error)
        }
        if (fault !== 'busy' && fault !== 'aborted' && fault !== 'unreachable') throw error
        const isUndone = !isCommitting || fault === 'aborted'
        if (!isUndone || isOver) throw unavailableError(error)
        await wait(retryDelay)
      }
    }
  }
  const tried = trying()
  // Once the limit is told, nobody listens to what becomes of it.
  tried.catch(() => {})
  try {
    return await Promise.race([tried, limit])
  } finally {
    timer.abort()
  }
}

/** What signs before anybody said what does: nothing, in a database that has no key yet. */
function noAuditSigner(fingerprint: string | null): null {
  if (fingerprint === null) return null
  throw new Error('the audit trail of this database needs a key')
}

function storageFullError(cause?: unknown): DomainError {
  return new DomainError('storage_full', 'No space is left for new data', { cause })
}

function unavailableError(cause: unknown): DomainError {
  return new DomainError('unavailable', 'The database does not answer at present', { cause })
}

function createReadTransaction(db: Transaction<Schema>): ReadTransaction {
  return {
    acmeChallenges: acmeChallengeReads(db),
    audit: auditReads(db),
    backups: backupReads(db),
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

function createWriteTransaction(
  db: Transaction<Schema>,
  signerFor: AuditSignerProvider,
  record: (event: AuditEvent) => void,
): WriteTransaction {
  return {
    acmeChallenges: acmeChallengeWrites(db),
    audit: auditWrites(db, signerFor, record),
    backups: backupWrites(db),
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
