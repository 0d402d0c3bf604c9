import type { MonotonicClock, Wait } from './runtime'

/** Ends waits that take too long. One timer serves all of them, and there is none while nothing waits. */
export interface Deadlines {
  /**
   * Returns what `work` resolves to. Throws what `onTimeout` returns after `timeout` milliseconds. Late work continues; its result and
   * its errors are ignored.
   */
  race<T>(work: Promise<T>, limit: { timeout: number; onTimeout: () => unknown }): Promise<T>
}

interface Waiting {
  readonly time: number
  readonly end: () => void
}

export function createDeadlines({
  wait,
  monotonicClock,
}: {
  wait: Wait
  monotonicClock: MonotonicClock
}): Deadlines {
  const waiting = new Set<Waiting>()
  /** The timer for the earliest of them. */
  let timer: { readonly time: number; readonly stop: AbortController } | null = null

  function startTimer(time: number, milliseconds: number): void {
    timer?.stop.abort()
    const started = { time, stop: new AbortController() }
    timer = started
    wait(milliseconds, started.stop.signal).then(
      () => {
        // The later of both: if the process stood still meanwhile, others are over too.
        if (timer === started) endThoseUntil(Math.max(time, monotonicClock()))
      },
      // Nothing waits any more, or another timer ends earlier.
      () => {},
    )
  }

  function endThoseUntil(limit: number): void {
    timer = null
    let next = Number.POSITIVE_INFINITY
    for (const each of waiting) {
      if (each.time <= limit) {
        waiting.delete(each)
        each.end()
      } else next = Math.min(next, each.time)
    }
    if (next < Number.POSITIVE_INFINITY) startTimer(next, next - limit)
  }

  function remove(each: Waiting): void {
    waiting.delete(each)
    if (waiting.size > 0) return
    timer?.stop.abort()
    timer = null
  }

  return {
    race: (work, { timeout, onTimeout }) =>
      new Promise((resolve, reject) => {
        const time = monotonicClock() + timeout
        const each = { time, end: () => reject(onTimeout()) }
        waiting.add(each)
        if (timer === null || time < timer.time) startTimer(time, timeout)
        work.then(resolve, reject).finally(() => remove(each))
      }),
  }
}
