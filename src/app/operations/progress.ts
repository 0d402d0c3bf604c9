import type { SnapshotDb } from '../../database/database'
import { countRows, type Progress } from '../../database/table-copy'
import type { MonotonicClock } from '../../domain/runtime'
import { formatCount } from '../../domain/text'

/** Receives progress lines, such as `copying: 45 %, about 20 seconds left`. */
export type ProgressListener = (line: string) => void

/** A step of an operation. `total` and what is reported have the same unit: rows, or bytes. */
export interface Step {
  /** What is done, such as `copying`. */
  readonly name: string
  readonly total: number
  /** Null if nobody looks: then rows need not be counted. */
  readonly onProgress: ProgressListener | null
  readonly clock: MonotonicClock
}

/** An estimate from less time than this is worth nothing, in milliseconds. */
const minElapsed = 1_000

/**
 * Begins a step. Returns what reports how much of it is done. The percentage never falls, and stays below 100 until the next
 * step: something always comes after the last row, such as waiting for the disk.
 */
export function startStep({ name, total, onProgress, clock }: Step): (done: number) => void {
  if (onProgress === null) return () => {}
  const start = clock()
  let percent = 0
  let shown = ''
  const report = (done: number) => {
    if (total > 0) percent = Math.max(percent, Math.min(99, Math.floor((100 * done) / total)))
    const elapsed = clock() - start
    const rest = (elapsed * (total - done)) / done
    const left = elapsed < minElapsed || done <= 0 || rest < 0 ? '' : `, ${formatRest(rest)} left`
    const line = `${name}: ${percent} %${left}`
    if (line !== shown) onProgress(line)
    shown = line
  }
  report(0)
  return report
}

/** Begins a step that goes through the rows of one table after another. `total` is the number of rows in all of them. */
export function startRowStep(step: Step): Progress {
  const report = startStep(step)
  let table: string | null = null
  let [before, count] = [0, 0]
  return (name, rows) => {
    if (name !== table) before += count
    table = name
    count = rows
    report(before + count)
  }
}

/** Returns the number of all rows for a step with this listener; 0 if nobody looks. */
export async function countForStep(
  db: SnapshotDb,
  onProgress: ProgressListener | null,
): Promise<number> {
  if (onProgress === null) return 0
  return (await countRows(db)).values().reduce((sum, count) => sum + count, 0)
}

/** Returns a duration (milliseconds) no more exactly than an estimate is. */
function formatRest(duration: number): string {
  const seconds = 5 * Math.ceil(duration / 5_000)
  if (seconds < 60) return `about ${formatCount(Math.max(5, seconds), 'second')}`
  const minutes = Math.round(duration / 60_000)
  return minutes < 90
    ? `about ${formatCount(Math.max(1, minutes), 'minute')}`
    : `about ${formatCount(Math.round(minutes / 60), 'hour')}`
}
