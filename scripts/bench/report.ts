/** What a ratio, or a result where there is nothing to compare it with, has to be. */
export interface Limit {
  readonly of: 'ratio' | 'result'
  readonly kind: 'at least' | 'at most'
  /** Null where a measurement is only reported. */
  readonly bound: number | null
  readonly aim: number | null
}

export interface Line {
  /** With its unit. */
  readonly what: string
  /** The result of each build, in their order. */
  readonly results: readonly number[]
  /** What the results are divided by, for each build: of bare Bun, or of the same build under other conditions. */
  readonly references: readonly (number | null)[]
  readonly limit: Limit | null
  /** Digits behind the decimal point of results. */
  readonly digits?: number
}

const widths = { what: 42, build: 5, result: 10, reference: 11, ratio: 8, bound: 8, aim: 8 }

/** Prints the head of the table. */
export function printHead(builds: number): void {
  print([
    'measurement'.padEnd(widths.what),
    'build'.padEnd(widths.build),
    'result'.padStart(widths.result),
    'beside'.padStart(widths.reference),
    'ratio'.padStart(widths.ratio),
    'bound'.padStart(widths.bound),
    'aim'.padStart(widths.aim),
    ...(builds > 1 ? ['of #1'.padStart(7)] : []),
  ])
}

/** Prints a line for each build. An exclamation mark follows the number that misses its bound. */
export function printLine({ what, results, references, limit, digits = 0 }: Line): void {
  for (const [index, result] of results.entries()) {
    const reference = references[index] ?? null
    const ratio = reference === null ? null : result / reference
    const value = limit?.of === 'result' ? result : ratio
    const isMissed = limit !== null && limit.bound !== null && !isWithin(limit, limit.bound, value)
    const mark = (of: Limit['of']) => (isMissed && limit.of === of ? '!' : ' ')
    const limitDigits = limit?.of === 'result' ? 0 : 2
    const [first = Number.NaN] = results
    print([
      (index === 0 ? what : '').padEnd(widths.what),
      `#${index + 1}`.padEnd(widths.build),
      `${format(result, digits)}${mark('result')}`.padStart(widths.result),
      format(reference, digits).padStart(widths.reference),
      `${format(ratio, 2)}${mark('ratio')}`.padStart(widths.ratio),
      formatLimit(limit, limit?.bound ?? null, limitDigits).padStart(widths.bound),
      formatLimit(limit, limit?.aim ?? null, limitDigits).padStart(widths.aim),
      ...(results.length > 1 ? [format(result / first, 2).padStart(7)] : []),
    ])
  }
}

function isWithin({ kind }: Limit, bound: number, value: number | null): boolean {
  if (value === null) return true
  return kind === 'at least' ? value >= bound : value <= bound
}

function formatLimit(limit: Limit | null, value: number | null, digits: number): string {
  if (limit === null || value === null) return ''
  return `${limit.kind === 'at least' ? '≥' : '≤'} ${value.toFixed(digits)}`
}

/** Of a measurement at each of some sizes: what a request costs at each. */
export interface GrowthLine {
  readonly what: string
  readonly sizes: readonly number[]
  readonly results: readonly number[]
  /** How the cost may depend on the size. */
  readonly growth: 'flat' | 'linear'
  readonly digits: number
}

const growthWidths = { what: 40, size: 11, growth: 13 }

/** Prints the head of a table of costs by size. */
export function printGrowthHead(sizes: string, values: readonly number[]): void {
  print([
    `\n${`cost by ${sizes}`.padEnd(growthWidths.what)}`,
    ...values.map((value) => format(value, 0).padStart(growthWidths.size)),
    'growth'.padStart(growthWidths.growth),
  ])
}

/** The growth is 1 if the cost is flat, or linear, as it has to be. */
export function printGrowth({ what, sizes, results, growth, digits }: GrowthLine): void {
  const points = sizes.map((size, index) => ({ size, cost: results[index] ?? Number.NaN }))
  const known = points.filter(({ cost }) => !Number.isNaN(cost))
  const ratio =
    growth === 'flat'
      ? (known.at(-1)?.cost ?? Number.NaN) / (known[0]?.cost ?? Number.NaN)
      : slope(known.slice(-2)) / slope(known.slice(-3, -1))
  print([
    what.padEnd(growthWidths.what),
    ...points.map(({ cost }) =>
      (Number.isNaN(cost) ? '' : format(cost, digits)).padStart(growthWidths.size),
    ),
    `${format(ratio, 2)} ${growth}`.padStart(growthWidths.growth),
  ])
}

/** Returns what one more costs between two sizes. */
function slope([smaller, larger]: readonly { size: number; cost: number }[]): number {
  if (smaller === undefined || larger === undefined) return Number.NaN
  return (larger.cost - smaller.cost) / (larger.size - smaller.size)
}

function format(value: number | null, digits: number): string {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits }
  return value === null ? '' : value.toLocaleString('en', options)
}

function print(cells: readonly string[]): void {
  process.stdout.write(`${cells.join('').trimEnd()}\n`)
}
