import { systemRuntime } from '../../src/app/runtime'
import { openTargets } from '../../src/app/targets'
import { createAuditSigner } from '../../src/crypto/audit-signer'
import type { Database } from '../../src/database/database'
import {
  type AuditEvent,
  type AuditRow,
  type AuditSigner,
  operatorEvent,
} from '../../src/domain/audit'
import type { Store } from '../../src/domain/store'
import { acceptBrokenChain } from '../../src/store/audit/accept'
import { type AuditChainReport, verifyAuditChain } from '../../src/store/audit/verify'
import type { OpenedStore } from '../../src/store/store'
import { settingsOf, type TestDatabase } from './test-database'

/** The signer of tests, unless they need another one. */
export const signer = createAuditSigner(new Uint8Array(32))

export const key = { fingerprint: 'ours', signer, generation: 0, time: 1_000 }

export function databaseOf(database: TestDatabase): Database {
  return openTargets(settingsOf(database), systemRuntime).database
}

/** Opens a database as its first server does, and claims it for a key. */
export async function openSigningStore(
  database: TestDatabase,
  claim: typeof key | null = key,
): Promise<OpenedStore & AsyncDisposable> {
  const { store } = await databaseOf(database).openForServer({ create: true })
  if (claim !== null) await store.claimKeyFingerprint(claim)
  return { ...store, [Symbol.asyncDispose]: () => store.close() }
}

/** Returns an event that differs from others by its index. */
export function anEvent(index: number, change: Partial<AuditEvent> = {}): AuditEvent {
  const email = `user${index}@nas.local`
  return {
    ...operatorEvent(2_000 + index, 'user-added', { userId: `u${index}`, email }),
    ...change,
  }
}

export async function recordEvents(store: Store, ...events: readonly AuditEvent[]): Promise<void> {
  await store.write(async (tx) => {
    for (const event of events) tx.audit.record(event)
  })
}

/** Fills the audit log with `trail-begun` and eight more rows, the last one with the number 9. */
export async function fillAuditLog(database: TestDatabase): Promise<void> {
  await using store = await openSigningStore(database)
  for (let index = 2; index <= 9; index++) {
    await recordEvents(store, anEvent(index, { address: '10.0.0.1', detail: 'as it was' }))
  }
}

export function checkAuditLog(
  database: TestDatabase,
  auditSigner: AuditSigner = signer,
): Promise<AuditChainReport> {
  return databaseOf(database).withSnapshot((db) => verifyAuditChain(db, auditSigner))
}

/** Accepts the audit log as it is, as an operator does while no server is running. */
export function acceptLogOf(database: TestDatabase): Promise<readonly string[]> {
  return databaseOf(database).withExclusive({ create: false }, (exclusive) =>
    exclusive.transaction(() => acceptBrokenChain(exclusive.db, signer, 5_000)),
  )
}

export async function listAuditRows(store: Pick<Store, 'read'>): Promise<readonly AuditRow[]> {
  return await store.read((tx) =>
    tx.audit.list({ after: 0, limit: 10_000, since: null, user: null }),
  )
}

/** Returns the whole audit log, while servers may be running. */
export function auditLogOf(database: TestDatabase): Promise<readonly AuditRow[]> {
  return databaseOf(database).withShared(listAuditRows)
}

/** Returns the kinds of all rows of the audit log. */
export async function kindsOf(database: TestDatabase): Promise<readonly string[]> {
  return (await auditLogOf(database)).map(({ kind }) => kind)
}

/** Problems as the verification words them. */
export const changedRowProblem = (row: number) =>
  `row ${row} is not what was written there: it was changed, put in or moved`
export const unknownStartCheckpoint =
  'the mark of where the trail begins is not the one that was written'
export const unknownHeadCheckpoint = 'the mark of the newest row is not the one that was written'
