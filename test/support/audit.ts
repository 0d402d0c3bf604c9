import { placesOf } from '../../src/app/database'
import { realWorld } from '../../src/app/world'
import { createTrailSeal } from '../../src/crypto/trail-seal'
import { type AuditEvent, type AuditRow, byOperator, type TrailSeal } from '../../src/domain/audit'
import type { Store } from '../../src/domain/store'
import { acceptTrail } from '../../src/store/audit-acceptance'
import { type TrailReport, verifyTrail } from '../../src/store/audit-verify'
import type { Database } from '../../src/store/database'
import type { OpenedStore } from '../../src/store/store'
import { type Place, settingsOf } from './archives'

/** What signs in tests, unless another one is wanted. */
export const seal = createTrailSeal(new Uint8Array(32))

export const key = { fingerprint: 'ours', seal, time: 1_000 }

export function databaseOf(place: Place): Database {
  return placesOf(settingsOf(place), realWorld).database
}

/** The store of a place as its first server has it, with a key. */
export async function signing(
  place: Place,
  claim: typeof key | null = key,
): Promise<OpenedStore & AsyncDisposable> {
  const { store } = await databaseOf(place).serve({ create: true })
  if (claim !== null) await store.claimKeyFingerprint(claim)
  return { ...store, [Symbol.asyncDispose]: () => store.close() }
}

/** Something that happened, told apart by its number alone. */
export function anEvent(index: number, change: Partial<AuditEvent> = {}): AuditEvent {
  const email = `user${index}@nas.local`
  return { ...byOperator(2_000 + index, 'user-added', { userId: `u${index}`, email }), ...change }
}

export async function record(store: Store, ...events: readonly AuditEvent[]): Promise<void> {
  await store.write(async (scope) => {
    for (const event of events) scope.audit.record(event)
  })
}

/** A place whose trail has `trail-begun` and eight rows more, the last one with the number 9. */
export async function withTrail(place: Place): Promise<void> {
  await using store = await signing(place)
  for (let index = 2; index <= 9; index++) {
    await record(store, anEvent(index, { address: '10.0.0.1', detail: 'as it was' }))
  }
}

export function proofOf(place: Place, by: TrailSeal = seal): Promise<TrailReport> {
  return databaseOf(place).snapshot((db) => verifyTrail(db, by))
}

/** Has an operator accept the trail of a place that no server has. */
export function accept(place: Place): Promise<readonly string[]> {
  return databaseOf(place).alone({ create: false }, (session) =>
    session.transaction(() => acceptTrail(session.db, seal, 5_000)),
  )
}

export async function rowsOf(store: Pick<Store, 'read'>): Promise<readonly AuditRow[]> {
  return await store.read((scope) =>
    scope.audit.list({ after: 0, most: 10_000, since: null, user: null }),
  )
}

/** The whole trail of a place, beside whatever servers run. */
export function trailOf(place: Place): Promise<readonly AuditRow[]> {
  return databaseOf(place).beside(rowsOf)
}

/** What a trail says happened, shortly. */
export async function kindsOf(place: Place): Promise<readonly string[]> {
  return (await trailOf(place)).map(({ kind }) => kind)
}

/** How the proof words what it finds. */
export const notWritten = (row: number) =>
  `row ${row} is not what was written there: it was changed, put in or moved`
export const unknownBegin = 'the mark of where the trail begins is not the one that was written'
export const unknownHead = 'the mark of the newest row is not the one that was written'
