import type { ClockWatch } from './clock-watch'
import type { Store } from './store'

/** What the times in the database are corrected with. */
export interface ClockCorrectionDeps {
  readonly store: Store
  readonly clockWatch: Pick<ClockWatch, 'ageLimit' | 'corrections' | 'forget'>
}

/**
 * Corrects the times, by which rows are deleted, that this process has stored while its clock was wrong. Whatever deletes by age calls
 * this first, and not two of them at the same time.
 */
export async function correctTimes({ store, clockWatch }: ClockCorrectionDeps): Promise<void> {
  const corrections = clockWatch.corrections()
  if (corrections.length === 0) return
  await store.write(async (tx) => {
    for (const correction of corrections) {
      await tx.users.correctTimes(correction)
      await tx.history.correct(correction)
    }
  })
  clockWatch.forget(corrections)
}
