import { escapeUnprintable } from '../src/domain/text'

/**
 * Returns the lines of a table: the header, then the rows. Columns are as wide as their content, with two spaces
 * between them. Widths are those on a terminal, where some characters take two columns. The last column is wrapped at
 * spaces to fit into `width`; without a width (in a pipe) each row is one line. Nothing is cut off.
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | null = process.stdout.columns ?? null,
): readonly string[] {
  return formatRows([header, ...rows], width).flat()
}

/** As `formatTable`, but returns the lines of each row separately, for callers that print something between rows. */
export function formatRows(
  rows: readonly (readonly string[])[],
  width: number | null,
): readonly (readonly string[])[] {
  const cells = rows.map((row) => row.map((cell) => escapeUnprintable(cell)))
  const widths: number[] = []
  for (const row of cells) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, Bun.stringWidth(cell))
    }
  }
  const indent = widths.slice(0, -1).reduce((sum, column) => sum + column + gap, 0)
  return cells.map((row) => {
    const last = wrap(row[widths.length - 1] ?? '', width === null ? null : width - indent)
    const start = widths
      .slice(0, -1)
      .map((column, index) => pad(row[index] ?? '', column + gap))
      .join('')
    return last.map((text, index) => `${index === 0 ? start : ' '.repeat(indent)}${text}`.trimEnd())
  })
}

/** Spaces between two columns. */
const gap = 2

/** A column that is narrower than this is not wrapped: its lines would be single words. */
const minWrapWidth = 16

/** Wraps a text at spaces into lines of at most `width` terminal columns. A longer word gets a line of its own. */
export function wrap(text: string, width: number | null): readonly string[] {
  if (width === null || width < minWrapWidth) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && Bun.stringWidth(longer) > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(width - Bun.stringWidth(text))
}
