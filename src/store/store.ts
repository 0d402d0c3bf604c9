import { type Dialect, Kysely, type Transaction } from 'kysely'
import type { AuditEvent, TrailSeal } from '../domain/audit'
import { DomainError } from '../domain/errors'
import type { ReadScope, Store, WriteScope } from '../domain/store'
import type { Wait } from '../domain/world'
import { engineFault } from '../engine/faults'
import { acmeChallengeReads, acmeChallengeWrites } from './acme-challenges'
import { additionalFieldReads, additionalFieldWrites } from './additional-fields'
import { auditReads, auditWrites } from './audit'
import { appendEvents, beginTrail, type Sealer } from './audit-append'
import { adoptTrail } from './audit-carry'
import { awaitTurn } from './audit-chain'
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
const patience = 10_000

/** How long a check keeps trying: whoever asks for readiness asks again soon. */
const checkPatience = 2_000

/** How long a scope waits between tries, in milliseconds. */
const pause = 50

/** What a claim of a database by a key came to. */
export interface Claimed {
  /** The one that the database has. */
  readonly fingerprint: string
  /** What lay there already when it got its first key, null where it had one; `rows` of the audit trail, `unproven` of them. */
  readonly before: {
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
    readonly seal: TrailSeal
    readonly time: number
  }): Promise<Claimed>
  /** Has a command sign the audit trail. */
  signBy(sealer: Sealer): void
  /** Closes the database; no scope may be under way. */
  close(): Promise<void>
}

/** An open database: where snapshots are read, where changes are committed; on some engines the same. */
export interface Handles {
  readonly reader: Dialect
  readonly writer: Dialect
  /** Whether writes are to be refused before there is no space at all; absent where that is the engine's own affair. */
  isShortOfSpace?(): boolean
  /** Asked within a write scope. */
  takesWrites(db: Kysely<Schema>): Promise<boolean>
  /** Told which secret key the database has, once that is known. */
  keyFound?(fingerprint: string): void
  close(): Promise<void>
}

/** The store over the open handles of one database. */
export function createStore(handles: Handles, wait: Wait): OpenedStore {
  const reader = new Kysely<Schema>({ dialect: handles.reader })
  const writer = new Kysely<Schema>({ dialect: handles.writer })

  let sealer: Sealer = unsigned

  /** Whether the last write met a full disk: the one way in which a database elsewhere tells of it. */
  let wasFull = false

  /** One try of a write scope. `committing` is called when nothing but the commit is left to do. */
  const writing = <T>(work: (db: Transaction<Schema>) => Promise<T>, committing: () => void) =>
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
      patiently({ wait, patience }, () =>
        reader
          .transaction()
          .setIsolationLevel('repeatable read')
          .setAccessMode('read only')
          .execute((db) => work(readScope(db))),
      ),

    async write(work) {
      if (handles.isShortOfSpace?.() === true) throw noSpace()
      let isLate = false
      try {
        const result = await patiently({ wait, patience }, (committing) =>
          writing(async (db) => {
            if (isLate) await awaitTurn(db)
            const events: AuditEvent[] = []
            const result = await work(writeScope(db, sealer, (event) => events.push(event)))
            isLate = events.length > 0
            // Last of all, so that nobody else's append waits for the work.
            await appendEvents(db, sealer, events)
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
      const takesWrites = await patiently({ wait, patience: checkPatience }, (committing) =>
        writing((db) => handles.takesWrites(db), committing),
      )
      if (!takesWrites) {
        throw new DomainError('unavailable', 'The database takes no writes at present')
      }
    },

    findKeyFingerprint: () =>
      patiently({ wait, patience }, () => reader.transaction().execute(findKeyFingerprint)),

    async claimKeyFingerprint({ fingerprint, seal, time }) {
      const found = await patiently({ wait, patience }, (committing) =>
        writing(async (db): Promise<Claimed> => {
          const present = await findKeyFingerprint(db)
          if (present !== null) {
            if (present === fingerprint) await beginTrail(db, seal, time)
            return { fingerprint: present, before: null }
          }
          await claimKeyFingerprint(db, fingerprint)
          const users = db.selectFrom('users').select(({ fn }) => fn.countAll().as('count'))
          const accounts = Number((await users.executeTakeFirstOrThrow()).count)
          const { rows, unproven } = await adoptTrail(db, seal, time)
          await beginTrail(db, seal, time)
          return { fingerprint, before: { accounts, rows, unproven } }
        }, committing),
      )
      if (found.fingerprint === fingerprint) sealer = () => seal
      handles.keyFound?.(found.fingerprint)
      return found
    },

    signBy(other) {
      sealer = other
    },

    close: handles.close,
  }
}

/**
 * Tries again after passing faults for as long as the patience lasts; what remains becomes a DomainError. A
 * try that has called `committing` is not repeated unless the engine says that it undid it: it may have
 * committed. One that outlasts the patience is left to its engine's own timeouts, and never commits.
 */
async function patiently<T>(
  { wait, patience }: { wait: Wait; patience: number },
  attempt: (committing: () => void) => Promise<T>,
): Promise<T> {
  const timer = new AbortController()
  let isOver = false
  let overdue: (error: unknown) => void = () => {}
  const limit = new Promise<never>((_, reject) => {
    overdue = reject
  })
  let lastFault: unknown
  wait(patience, timer.signal).then(
    () => {
      isOver = true
      overdue(unavailable(lastFault))
    },
    // The scope has ended in time.
    () => {},
  )

  const trying = async (): Promise<T> => {
    for (;;) {
      let isCommitting = false
      try {
        return await attempt(() => {
          if (isOver) throw unavailable(lastFault)
          isCommitting = true
        })
      } catch (error) {
        lastFault = error
        const fault = engineFault(error)
        if (fault === 'full') {
          throw noSpace(error)
        }
        if (fault !== 'busy' && fault !== 'aborted' && fault !== 'unreachable') throw error
        const isUndone = !isCommitting || fault === 'aborted'
        if (!isUndone || isOver) throw unavailable(error)
        await wait(pause)
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
function unsigned(fingerprint: string | null): null {
  if (fingerprint === null) return null
  throw new Error('the audit trail of this database needs a key')
}

function noSpace(cause?: unknown): DomainError {
  return new DomainError('storage_full', 'No space is left for new data', { cause })
}

function unavailable(cause: unknown): DomainError {
  return new DomainError('unavailable', 'The database does not answer at present', { cause })
}

function readScope(db: Transaction<Schema>): ReadScope {
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

function writeScope(
  db: Transaction<Schema>,
  sealer: Sealer,
  record: (event: AuditEvent) => void,
): WriteScope {
  return {
    acmeChallenges: acmeChallengeWrites(db),
    audit: auditWrites(db, sealer, record),
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
