/** One of several measurements that take turns, so that what else the machine does meets all of them alike. */
export class Series {
  readonly #measure: () => Promise<number>
  readonly #results: number[] = []

  constructor(measure: () => Promise<number>) {
    this.#measure = measure
  }

  async measureOnce(): Promise<void> {
    this.#results.push(await this.#measure())
  }

  get median(): number {
    return median(this.#results)
  }
}

/** Gives each of the measurements its turn in so many rounds. */
export async function measureInTurns(series: readonly Series[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another one, since some leave work behind for the next.
    const first = round % series.length
    for (const each of [...series.slice(first), ...series.slice(0, first)]) await each.measureOnce()
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low = Number.NaN] = sorted.slice((sorted.length - 1) >> 1)
  const [high = Number.NaN] = sorted.slice(sorted.length >> 1)
  return (low + high) / 2
}
