/**
 * Queries on our own tables with Kysely, one file per noun, between rows and the types of the domain. The schema and
 * its migrations are here as well; `audit/` has the signed audit log. This file puts them together: transactions that
 * are retried.
 */
import { type Dialect, Kysely, type Transaction } from 'kysely'
import type { AuditEvent, AuditSigner } from '../domain/audit'
import { DomainError } from '../domain/errors'
import { type RequestBounds, requireListener } from '../domain/request-bounds'
import type { MonotonicClock, Wait } from '../domain/runtime'
import type { Store } from '../domain/store'
import { engineFault } from '../engine/faults'
import { withPipeline } from '../engine/pipelined-transaction'
import type { DataVersion } from '../engine/sqlite/data-version'
import { type AuditSignerProvider, appendEvents, beginAuditLog } from './audit/append'
import { signFirstTime } from './audit/resign'
import { saveFact } from './facts'
import { claimGeneration } from './generation'
import { claimKeyFingerprint, findKeyFingerprint } from './key-fingerprint'
import { createRetries, storageFullError } from './retries'
import type { Schema } from './schema'
import { createReadTransaction, createWriteTransaction } from './transactions'
import { createWriteState } from './write-state'

/** How long a readiness check is retried, in milliseconds. Its caller asks again soon anyway. */
const checkTimeout = 2_000

/** A secret key that may become the key of a database. */
interface KeyCandidate {
  readonly fingerprint: string
  readonly signer: AuditSigner
  /** From `newGeneration`, for a database that has none. */
  readonly generation: number
  /** Milliseconds since 1970 (UTC). */
  readonly time: number
}

/** The result of `claimKeyFingerprint`. */
export interface KeyClaim {
  /** The fingerprint that the database has now. */
  readonly fingerprint: string
  /** What the database contained when it got its first key. Null if it already had a key. */
  readonly existing: {
    readonly accounts: number
    /** Rows of the audit log. */
    readonly rows: number
    /** Those of them that could not be verified. */
    readonly unverified: number
  } | null
}

export interface OpenedStore extends Store {
  /**
   * Returns the fingerprint of the secret key that all servers of this database share. Null before its first server.
   */
  findKeyFingerprint(): Promise<string | null>
  /**
   * Gives the database the fingerprint of a key, unless it has one. If the database belongs to this key afterwards, all
   * later audit events are signed with it. With a first key, audit rows that are unsigned or signed by another key are
   * signed again, and an audit event records that.
   */
  claimKeyFingerprint(key: KeyCandidate): Promise<KeyClaim>
  /** Sets the signer of audit events, in a command: a command claims no key. */
  setAuditSigner(signerFor: AuditSignerProvider): void
  /** Returns how often a transaction was retried since the store was opened. */
  retryCount(): number
  /** Closes the database. No transaction may be running. */
  close(): Promise<void>
}

/** An open database. On SQLite each kind of access has a handle; on Postgres all are the same pool. */
export interface DatabaseHandles {
  readonly reader: Dialect
  /** For reads of one query without a transaction. */
  readonly single: Dialect
  /** Whether a query is answered at once, since the database is in this process. */
  readonly isInProcess: boolean
  readonly writer: Dialect
  /** Tells whether the database has changed. Absent if only a query can tell. */
  readonly dataVersion?: DataVersion
  /** Returns whether to refuse writes before the disk is full. Absent if the database is not on this machine. */
  isShortOfSpace?(): boolean
  /** Throws `unavailable` while what is written would be lost. Called before each transaction. */
  requirePresent?(): void
  /** Returns once a commit is certain to last. Throws `unavailable` if it may be lost. Called before it is acknowledged. */
  confirmCommit?(): Promise<void>
  /** Receives why writes began to fail, and null when they succeed again. */
  onWriteChange?(reason: Error | null): void
  /** Receives the fingerprint of the database's secret key once it is known. */
  onKeyFingerprint?(fingerprint: string): void
  close(): Promise<void>
}

/** Returns the store of one open database. */
export function createStore(
  handles: DatabaseHandles,
  { wait, monotonicClock }: { wait: Wait; monotonicClock: MonotonicClock },
): OpenedStore {
  const reader = new Kysely<Schema>({ dialect: handles.reader })
  // The nouns are created once, for all requests.
  const single = { ...createReadTransaction(new Kysely<Schema>({ dialect: handles.single })) }
  const writer = new Kysely<Schema>({ dialect: handles.writer })

  let signerFor: AuditSignerProvider = noAuditSigner

  // Apart: while another process keeps writers out, reading works.
  let retryCount = 0
  const retries = { wait, monotonicClock, onRetry: () => void retryCount++ }
  const retryRead = createRetries({ ...retries, canHang: true })
  const retryReadOne = handles.isInProcess
    ? createRetries({ ...retries, canHang: false })
    : retryRead
  const retryWrite = createRetries({ ...retries, canHang: true })
  const writes = createWriteState(monotonicClock, (reason) => handles.onWriteChange?.(reason))

  /** Runs `work` and commits it, once. Calls `committing` when only the commit is left to do. */
  const runWriteTransaction = async <T>(
    work: (db: Transaction<Schema>) => Promise<T>,
    committing: () => void,
    bounds?: RequestBounds,
  ): Promise<T> => {
    handles.requirePresent?.()
    try {
      const result = await writer
        .transaction()
        // What is read after another writer was waited for must contain its changes.
        .setIsolationLevel('read committed')
        .execute(async (db) => {
          const result = await withPipeline(db, handles.writer, work)
          requireListener(bounds)
          committing()
          return result
        })
      writes.succeeded()
      await handles.confirmCommit?.()
      return result
    } catch (error) {
      writes.failed(error)
      throw error
    } finally {
      handles.dataVersion?.forget()
    }
  }

  /** Writes a row, which is synced like every write. Nothing else shows that writes succeed. */
  const tryWrite = () =>
    retryWrite(
      (committing) =>
        runWriteTransaction(
          (db) => saveFact(db, 'write_check', String(monotonicClock())),
          committing,
        ),
      { timeout: checkTimeout },
    )
  const tryRead = () =>
    retryRead(
      () => {
        handles.requirePresent?.()
        return reader.transaction().execute(findKeyFingerprint)
      },
      { timeout: checkTimeout },
    )

  return {
    read: (work, bounds) =>
      retryRead(
        () => {
          handles.requirePresent?.()
          return reader
            .transaction()
            .setIsolationLevel('repeatable read')
            .setAccessMode('read only')
            .execute((db) =>
              withPipeline(db, handles.reader, (piped) => work(createReadTransaction(piped))),
            )
        },
        { bounds },
      ),

    readOne: (work, bounds) =>
      retryReadOne(
        () => {
          handles.requirePresent?.()
          return work(single)
        },
        { bounds },
      ),

    version() {
      const { dataVersion } = handles
      if (dataVersion === undefined) return null
      handles.requirePresent?.()
      try {
        return dataVersion.get()
      } catch (error) {
        // The query that is made instead is repeated, if that helps, and reports the fault.
        if (engineFault(error) === null) throw error
        return null
      }
    },

    async write(work, bounds) {
      if (handles.isShortOfSpace?.() === true) throw storageFullError()
      const runOnce = async (db: Transaction<Schema>) => {
        const events: AuditEvent[] = []
        const result = await work(
          createWriteTransaction(db, signerFor, (event) => events.push(event)),
        )
        // Last of all: other transactions that append wait from here to the commit.
        await appendEvents(db, signerFor, events)
        return result
      }
      return await retryWrite((committing) => runWriteTransaction(runOnce, committing, bounds), {
        bounds,
      })
    },

    isFailing: () => writes.isFailing,

    isShortOfSpace: () => handles.isShortOfSpace?.() === true || writes.wasFull,

    async check() {
      try {
        if (handles.isShortOfSpace?.() !== true && writes.claimAttempt()) return await tryWrite()
      } catch (error) {
        // Reported by `isShortOfSpace`: a full disk does not stop reading.
        if (!(error instanceof DomainError && error.code === 'storage_full')) throw error
      }
      await tryRead()
    },

    findKeyFingerprint: () => retryRead(() => reader.transaction().execute(findKeyFingerprint)),

    async claimKeyFingerprint(key) {
      const claim = await retryWrite((committing) =>
        runWriteTransaction((db) => claimDatabase(db, key), committing),
      )
      if (claim.fingerprint === key.fingerprint) signerFor = () => key.signer
      handles.onKeyFingerprint?.(claim.fingerprint)
      return claim
    },

    setAuditSigner(signerProvider) {
      signerFor = signerProvider
    },

    retryCount: () => retryCount,

    close: handles.close,
  }
}

/** Gives the database a key, unless it has one, and starts or continues the audit log under it. */
async function claimDatabase(
  db: Transaction<Schema>,
  { fingerprint, signer, generation, time }: KeyCandidate,
): Promise<KeyClaim> {
  await claimGeneration(db, generation)
  if (!(await claimKeyFingerprint(db, fingerprint))) {
    const present = await findKeyFingerprint(db)
    if (present === null) throw new Error('a key was claimed and is not there')
    if (present === fingerprint) await beginAuditLog(db, signer, time)
    return { fingerprint: present, existing: null }
  }
  const users = db.selectFrom('users').select(({ fn }) => fn.countAll().as('count'))
  const accounts = Number((await users.executeTakeFirstOrThrow()).count)
  const { rows, unverified } = await signFirstTime(db, signer, time)
  await beginAuditLog(db, signer, time)
  return { fingerprint, existing: { accounts, rows, unverified } }
}

/** The signer until a key is claimed or set: none, which only a database without a key permits. */
function noAuditSigner(fingerprint: string | null): null {
  if (fingerprint === null) return null
  throw new Error('the audit log of this database needs a key')
}
