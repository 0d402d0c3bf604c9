import type { ClockWatch } from './clock-watch'
import type { Store } from './store'

/** What the times in the database are corrected with. */
export interface ClockCorrectionDeps {
  readonly store: Store
  readonly clockWatch: Pick<ClockWatch, 'ageLimit' | 'corrections' | 'forget'>
}

/** The corrections that are being made. Two at the same time would both move the same times. */
const underWay = new WeakMap<object, Promise<void>>()

/**
 * Corrects the times, by which rows are deleted, that this process has stored while its clock was wrong. Whatever is deleted by age calls
 * this first.
 */
export function correctTimes(deps: ClockCorrectionDeps): Promise<void> {
  const { clockWatch } = deps
  const before = underWay.get(clockWatch) ?? Promise.resolve()
  const correcting = before.catch(() => {}).then(() => makeCorrections(deps))
  underWay.set(clockWatch, correcting)
  return correcting
}

async function makeCorrections({ store, clockWatch }: ClockCorrectionDeps): Promise<void> {
  const corrections = clockWatch.corrections()
  if (corrections.length === 0) return
  await store.write(async (tx) => {
    for (const correction of corrections) {
      await tx.users.correctUnconfirmed(correction)
      await tx.history.correct(correction)
    }
  })
  clockWatch.forget(corrections)
}
