/*
 * Many values in one statement. Each number of values is another text of SQL, which is prepared and kept, and engines limit the number
 * of parameters. So the numbers are powers of two: there are few of them.
 */

/** Maximum number of rows that one statement inserts. */
const maxBatch = 256

/** Splits rows into batches for one statement each. */
export function batchesOf<Row>(rows: readonly Row[]): readonly (readonly Row[])[] {
  const batches: (readonly Row[])[] = []
  for (let done = 0; done < rows.length; ) {
    const left = Math.min(rows.length - done, maxBatch)
    const size = 2 ** Math.floor(Math.log2(left))
    batches.push(rows.slice(done, done + size))
    done += size
  }
  return batches
}

/** Returns a list for `in (…)`, with the last value repeated up to a power of two. It must not be empty. */
export function padded<Value>(values: readonly Value[]): readonly Value[] {
  const missing = 2 ** Math.ceil(Math.log2(values.length)) - values.length
  return [...values, ...values.slice(-1).flatMap((last) => Array<Value>(missing).fill(last))]
}
