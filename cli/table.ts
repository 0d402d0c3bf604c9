import { escapeUnprintable } from '../src/domain/text'

/** A column of a table with these rows. */
export interface Column<Row> {
  readonly title: string
  cell(row: Row): string
  /** On a terminal that is too narrow, columns with lower numbers are left out first, and one without a number never. */
  readonly leaves?: number
  /** Least width, for tables that are printed part by part and whose columns should align. */
  readonly minWidth?: number
  /** Whether the text is wrapped at spaces. For the last column only: what follows it could not be told from its lines. */
  readonly wraps?: true
}

export interface TableLayout {
  /** The lines of the titles. */
  readonly header: readonly string[]
  /** The lines of each row. */
  readonly rows: readonly (readonly string[])[]
  /** The titles of the columns that did not fit. */
  readonly leftOut: readonly string[]
}

/**
 * Lays out a table. Columns are as wide as their content, with two spaces between them. Widths are those on a terminal, where
 * some characters take two columns. Columns are left out until the table fits into `width`; without a width (in a pipe) none
 * is, and each row is one line. No cell is cut off: behind one that is wider than its column, the row goes on in the next line.
 */
export function layOutTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | null,
): TableLayout {
  const sized = columns.map((column) => {
    const cells = [column.title, ...rows.map((row) => column.cell(row))].map(escapeUnprintable)
    const width = cells.reduce(
      (widest, cell) => Math.max(widest, Bun.stringWidth(cell)),
      column.minWidth ?? 0,
    )
    return { ...column, cells, width }
  })
  const shown = width === null ? sized : columnsThatFit(sized, width)
  const starts = startsOf(shown, width)
  const [header = [], ...lines] = [null, ...rows].map((_, row) =>
    layOutRow(shown, starts, { row, width }),
  )
  const leftOut = sized.filter((column) => !shown.includes(column)).map(({ title }) => title)
  return { header, rows: lines, leftOut }
}

interface SizedColumn {
  readonly title: string
  readonly leaves?: number
  readonly wraps?: true
  readonly width: number
  /** The title and the cell of each row. */
  readonly cells: readonly string[]
}

/** Spaces between two columns. */
const gap = 2

/** A column that is narrower than this is not wrapped: its lines would be single words. */
const minWrapWidth = 16

/** Other columns are left out before a text that is wrapped gets less than this. */
const readableWrapWidth = 24

/** Returns the columns that are always shown, and as many of the others as fit, the most important ones first. */
function columnsThatFit<Column extends SizedColumn>(
  columns: readonly Column[],
  width: number,
): readonly Column[] {
  const importance = ({ leaves = Number.POSITIVE_INFINITY }: Column) => leaves
  const shown = new Set(columns.filter(({ leaves }) => leaves === undefined))
  for (const column of columns.toSorted((a, b) => importance(b) - importance(a))) {
    if (excessOf([...shown, column], width) <= 0) shown.add(column)
  }
  return columns.filter((column) => shown.has(column))
}

/** Returns by how much the columns are too wide. */
function excessOf(columns: readonly SizedColumn[], width: number): number {
  const needed = columns.map((column) =>
    column.wraps === true ? Math.min(column.width, readableWrapWidth) : column.width,
  )
  return needed.reduce((sum, each) => sum + each + gap, -gap) - width
}

/** Returns where each column begins. If they are too wide, the widest is narrower than its longest cells. */
function startsOf(columns: readonly SizedColumn[], width: number | null): readonly number[] {
  const excess = width === null ? 0 : Math.max(0, excessOf(columns, width))
  const widths = columns.map((column) => column.width)
  const widest = widths.indexOf(Math.max(...widths.slice(0, -1)))
  let start = 0
  return columns.map((column, index) => {
    const own = start
    const minWidth = Math.min(column.width, Math.max(Bun.stringWidth(column.title), minWrapWidth))
    start += (index === widest ? Math.max(minWidth, column.width - excess) : column.width) + gap
    return own
  })
}

function layOutRow(
  columns: readonly SizedColumn[],
  starts: readonly number[],
  { row, width }: { row: number; width: number | null },
): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const [index, column] of columns.entries()) {
    const start = starts[index] ?? 0
    const cell = column.cells[row] ?? ''
    const parts = column.wraps === true ? wrap(cell, width === null ? null : width - start) : [cell]
    for (const [number, part] of parts.entries()) {
      if (part === '') continue
      // A further line of this cell, or one behind a cell that reaches into this column.
      if (number > 0 || (line !== '' && Bun.stringWidth(line) > start - gap)) {
        lines.push(line)
        line = ''
      }
      line = line.padEnd(line.length + start - Bun.stringWidth(line)) + part
    }
  }
  return [...lines, line].map((text) => text.trimEnd())
}

/** An even number of backquotes is behind it. */
const spaceOutsideBackquotes = / (?=(?:[^`]*`[^`]*`)*[^`]*$)/

/**
 * Wraps a text at spaces into lines of at most `width` terminal columns. A longer word gets a line of its own, and so does a
 * command in backquotes: people copy it whole.
 */
export function wrap(text: string, width: number | null): readonly string[] {
  if (width === null || width < minWrapWidth) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(spaceOutsideBackquotes)) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && Bun.stringWidth(longer) > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}
