/**
 * Metrics for Prometheus: `exposition` has the instruments and their text format, `table` every metric with its meaning,
 * `http` those of requests. What they are measured on is put together by `src/app/server/metrics.ts`.
 */

/** Values of labels by their names. */
export type Labels = Readonly<Record<string, string>>

export interface Sample {
  /** What follows the name of the metric: that of a series of a histogram. */
  readonly suffix?: '_bucket' | '_sum' | '_count'
  readonly labels?: Labels
  readonly value: number
}

export interface MetricFamily {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly samples: readonly Sample[]
}

/** The media type of `formatMetrics` (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/** Returns metrics in the text format of Prometheus. One without samples is left out. */
export function formatMetrics(families: readonly MetricFamily[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(formatFamily)
    .join('')
}

function formatFamily({ name, type, help, samples }: MetricFamily): string {
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  let lines = `# HELP ${name} ${text}\n# TYPE ${name} ${type}\n`
  for (const { suffix = '', labels = {}, value } of samples)
    lines += `${name}${suffix}${formatLabels(labels)} ${formatNumber(value)}\n`
  return lines
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

/** Counts by one label whose values are known, so that each is there from the start. */
export class LabelledCounter<Value extends string> {
  readonly #label: string
  readonly #counts: Map<Value, number>

  constructor(label: string, values: readonly Value[]) {
    this.#label = label
    this.#counts = new Map(values.map((value) => [value, 0]))
  }

  increment(value: Value): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1)
  }

  samples(): readonly Sample[] {
    return [...this.#counts].map(([value, count]) => ({
      labels: { [this.#label]: value },
      value: count,
    }))
  }
}

/** Upper bounds in seconds: of an answer from memory, and of one that takes all of its time, 8 s. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Counts durations by their length. */
export class DurationHistogram {
  /** How many are in each bucket and in none before it; the last one is for those beyond all bounds. */
  readonly #counts: number[] = Array.from({ length: bounds.length + 1 }, () => 0)
  #milliseconds = 0

  observe(milliseconds: number): void {
    const seconds = milliseconds / 1000
    let index = 0
    while (index < bounds.length && seconds > (bounds[index] ?? 0)) index++
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#milliseconds += milliseconds
  }

  samples(labels: Labels = {}): readonly Sample[] {
    let count = 0
    const buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound, index): Sample => {
      count += this.#counts[index] ?? 0
      return { suffix: '_bucket', labels: { ...labels, le: formatNumber(bound) }, value: count }
    })
    return [
      ...buckets,
      { suffix: '_sum', labels, value: this.#milliseconds / 1000 },
      { suffix: '_count', labels, value: count },
    ]
  }
}
