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

/** What signs in tests, unless another one is wanted. */
export const signer = createAuditSigner(new Uint8Array(32))

export const key = { fingerprint: 'ours', signer, time: 1_000 }

export function databaseOf(database: TestDatabase): Database {
  return openTargets(settingsOf(database), systemRuntime).database
}

/** The store of a place as its first server has it, with a key. */
export async function openSigningStore(
  database: TestDatabase,
  claim: typeof key | null = key,
): Promise<OpenedStore & AsyncDisposable> {
  const { store } = await databaseOf(database).openForServer({ create: true })
  if (claim !== null) await store.claimKeyFingerprint(claim)
  return { ...store, [Symbol.asyncDispose]: () => store.close() }
}

/** Something that happened, told apart by its number alone. */
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

/** A place whose trail has `trail-begun` and eight rows more, the last one with the number 9. */
export async function fillAuditLog(database: TestDatabase): Promise<void> {
  await using store = await openSigningStore(database)
  for (let index = 2; index <= 9; index++) {
    await recordEvents(store, anEvent(index, { address: '10.0.0.1', detail: 'as it was' }))
  }
}

export function checkAuditLog(
  database: TestDatabase,
  by: AuditSigner = signer,
): Promise<AuditChainReport> {
  return databaseOf(database).withSnapshot((db) => verifyAuditChain(db, by))
}

/** Has an operator accept the trail of a place that no server has. */
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

/** The whole trail of a place, beside whatever servers run. */
export function auditLogOf(database: TestDatabase): Promise<readonly AuditRow[]> {
  return databaseOf(database).withShared(listAuditRows)
}

/** What a trail says happened, shortly. */
export async function kindsOf(database: TestDatabase): Promise<readonly string[]> {
  return (await auditLogOf(database)).map(({ kind }) => kind)
}

/** How the proof words what it finds. */
export const changedRowProblem = (row: number) =>
  `row ${row} is not what was written there: it was changed, put in or moved`
export const unknownStartCheckpoint =
  'the mark of where the trail begins is not the one that was written'
export const unknownHeadCheckpoint = 'the mark of the newest row is not the one that was written'
