import { sanitizeLine } from '../src/domain/text'

/**
 * Lays rows out in columns that are as wide as what is in them, with two spaces between. Wide characters take two
 * places, as they do on a terminal. Where `width` is known, the last column is broken at spaces to fit into it; nothing is
 * ever cut, so in a pipe a row is one line. Answers lines: the header's, then the rows'.
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | null = process.stdout.columns ?? null,
): readonly string[] {
  return layOut([header, ...rows], width).flat()
}

/** The same row by row, for those who put something between them. */
export function layOut(
  rows: readonly (readonly string[])[],
  width: number | null,
): readonly (readonly string[])[] {
  const shown = rows.map((row) => row.map((cell) => sanitizeLine(cell)))
  const widths: number[] = []
  for (const row of shown) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, Bun.stringWidth(cell))
    }
  }
  const before = widths.slice(0, -1).reduce((sum, column) => sum + column + gap, 0)
  return shown.map((row) => {
    const last = wrap(row[widths.length - 1] ?? '', width === null ? null : width - before)
    const start = widths
      .slice(0, -1)
      .map((column, index) => pad(row[index] ?? '', column + gap))
      .join('')
    return last.map((text, index) => `${index === 0 ? start : ' '.repeat(before)}${text}`.trimEnd())
  })
}

const gap = 2

/** A last column that is narrower than this would be one of single words: a terminal breaks its lines better then. */
const minWrapWidth = 16

/** Breaks a text at its spaces into lines of at most so many places; a longer word has a line of its own, whole. */
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
