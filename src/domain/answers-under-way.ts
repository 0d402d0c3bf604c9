/** An answer that needs memory. */
export interface Demand {
  readonly account: string
  readonly bytes: number
  readonly giveWay: () => void
}

/** An answer that holds memory. */
export interface Answer extends Demand {
  readonly startTime: number
  bytesLeft: number
  /** When its rate was looked at, and what was left then. */
  lookTime: number
  bytesLeftThen: number
  isSlow: boolean
}

/**
 * An answer gives way to any if it leaves at fewer bytes a millisecond for so many milliseconds. The system takes some megabytes
 * at once, also for a client that takes nothing. Faster ones would only begin again and again.
 */
const slowRate = 256
const slowTime = 5_000

/** Finds out from time to time whether an answer is slow. */
export function lookAtRate(answer: Answer, now: number): void {
  const time = now - answer.lookTime
  if (time < slowTime) return
  answer.isSlow = answer.bytesLeftThen - answer.bytesLeft < slowRate * time
  answer.lookTime = now
  answer.bytesLeftThen = answer.bytesLeft
}

/** Returns the answers of which the end frees enough, those of the same account and the oldest first; none if all are too few. */
export function chooseLeaving(
  candidates: readonly Answer[],
  account: string,
  missing: { own: number; all: number },
): readonly Answer[] {
  const [own, others] = [true, false].map((isOwn) =>
    candidates.filter((answer) => (answer.account === account) === isOwn),
  )
  let [missingOfOwn, missingOfAll] = [missing.own, missing.all]
  const leaving: Answer[] = []
  for (const answer of own ?? []) {
    if (missingOfOwn <= 0 && missingOfAll <= 0) break
    leaving.push(answer)
    missingOfOwn -= answer.bytesLeft
    missingOfAll -= answer.bytesLeft
  }
  for (const answer of others ?? []) {
    if (missingOfAll <= 0) break
    leaving.push(answer)
    missingOfAll -= answer.bytesLeft
  }
  return missingOfOwn <= 0 && missingOfAll <= 0 ? leaving : []
}
