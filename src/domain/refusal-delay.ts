import { DomainError } from './errors'
import type { RequestBounds } from './request-bounds'
import type { MonotonicClock, Wait } from './runtime'
import { createUsualDuration, type UsualDuration } from './usual-duration'

/**
 * Has each `rate_limited` come as late as if the credentials had been checked. Where an account knows the network, they are checked
 * also during a lockout; elsewhere they are not. The time of a refusal would tell a neighbour whose accounts are used there.
 */
export interface RefusalDelay {
  /** Returns what `check` resolves to, and remembers how long it took, its time in the queue included. */
  observe: UsualDuration['measure']
  /** Returns what `work` resolves to. If it throws `rate_limited`, that is thrown later, but within the bounds. */
  delay<T>(bounds: RequestBounds | undefined, work: () => Promise<T>): Promise<T>
}

/** How much longer than a usual check a refusal takes, so that hardly any check takes longer than that. */
const margin = 1.5

/** How many refusals wait at a time: waiting costs little more than their connections. Further ones come at once, for all. */
const defaultMaxWaiting = 1_000

export function createRefusalDelay({
  monotonicClock,
  wait,
  maxWaiting = defaultMaxWaiting,
}: {
  monotonicClock: MonotonicClock
  wait: Wait
  maxWaiting?: number
}): RefusalDelay {
  const duration = createUsualDuration(monotonicClock)
  let waiting = 0

  async function waitUntil(time: number): Promise<void> {
    const milliseconds = time - monotonicClock()
    if (milliseconds <= 0 || waiting >= maxWaiting) return
    waiting++
    await wait(milliseconds).finally(() => waiting--)
  }

  return {
    observe: duration.measure,

    async delay(bounds, work) {
      // Before the work, which changes what is usual.
      const time = monotonicClock() + margin * duration.get()
      try {
        return await work()
      } catch (error) {
        const isLimited = error instanceof DomainError && error.code === 'rate_limited'
        if (isLimited) await waitUntil(Math.min(time, bounds?.deadline ?? time))
        throw error
      }
    },
  }
}
