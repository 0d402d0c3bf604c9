import type { Signal } from '@preact/signals'

/** Does something unless it is under way. However it ends, it can be done again. */
export async function once(isBusy: Signal<boolean>, work: () => Promise<void>): Promise<void> {
  if (isBusy.value) return
  isBusy.value = true
  try {
    await work()
  } finally {
    isBusy.value = false
  }
}
