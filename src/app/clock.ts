import type { SnapshotDb } from '../database/database'
import { type ClockWatch, createClockWatch } from '../domain/clock-watch'
import type { Store } from '../domain/store'
import { findKnownTime, findNewestTime } from '../store/known-time'
import { buildTime } from '../version'
import type { Runtime } from './runtime'

/** Returns a watch of this machine's clock that knows what the database knows about the time. Throws a DomainError. */
export async function openClockWatch(store: Store, runtime: Runtime): Promise<ClockWatch> {
  const { stored, newestRow } = await store.read(async (tx) => ({
    stored: await tx.knownTime.find(),
    newestRow: await tx.knownTime.findNewestRow(),
  }))
  return createClockWatch({ ...runtime, buildTime, stored, newestRow })
}

/** The same for a command that only reads. */
export async function readClockWatch(db: SnapshotDb, runtime: Runtime): Promise<ClockWatch> {
  const stored = await findKnownTime(db)
  return createClockWatch({ ...runtime, buildTime, stored, newestRow: await findNewestTime(db) })
}

/** What to do about an implausible clock. */
export const clockHint =
  'set the clock: timedatectl set-ntp true, or by hand; if it is right, the server believes it once it has run for a day'
