/** A JSON text in pieces, which are encoded one after the other, so that the whole need not be in memory. */

/** A piece of a JSON text. Together they are one document. */
export interface JsonSegment {
  /** Bytes that it takes in the text, roughly. */
  readonly bytes: number
  /** Encodes the next part of at least `minBytes`, and forgets what it came from. Returns null at the end. */
  take(minBytes: number): string | null
}

/** How rows appear in a JSON array. */
export interface RowFormat<Row> {
  /** Returns how many bytes a row takes, roughly. */
  readonly sizeOf: (row: Row) => number
  readonly toBody: (row: Row) => unknown
}

/** Returns the array of the rows. */
export function arraySegments<Row>(
  rows: readonly Row[],
  format: RowFormat<Row>,
): readonly JsonSegment[] {
  return [textSegment('['), elementsSegment(rows, format), textSegment(']')]
}

export function textSegment(text: string): JsonSegment {
  let left: string | null = text
  return {
    bytes: text.length,
    take() {
      const taken = left
      left = null
      return taken
    },
  }
}

/** Returns the elements of an array, with the commas between them and without brackets. */
export function elementsSegment<Row>(
  rows: readonly Row[],
  { sizeOf, toBody }: RowFormat<Row>,
): JsonSegment {
  const total = rows.length
  const sizes = rows.map(sizeOf)
  let left = rows
  return {
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    take(minBytes) {
      if (left.length === 0) return null
      const start = total - left.length
      let count = 0
      for (let bytes = 0; count < left.length && bytes < minBytes; count++)
        bytes += sizes[start + count] ?? 0
      const json = JSON.stringify(left.slice(0, count).map(toBody)).slice(1, -1)
      left = left.slice(count)
      return start === 0 ? json : `,${json}`
    },
  }
}

/** Returns a function that encodes the next part of all segments, of at least `minBytes` but for the last; null at the end. */
export function createJsonEncoder(
  segments: readonly JsonSegment[],
): (minBytes: number) => string | null {
  const left = segments.toReversed()
  return (minBytes) => {
    let text = ''
    while (text.length < minBytes) {
      const segment = left.at(-1)
      if (segment === undefined) break
      const part = segment.take(minBytes - text.length)
      if (part === null) left.pop()
      else text += part
    }
    return text === '' ? null : text
  }
}

export function bytesOf(segments: readonly JsonSegment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0)
}
