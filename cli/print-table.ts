/** Tables on stdout. What a terminal has no room for is left out, and said on stderr; a pipe gets everything. */
import { type Column, layOutTable } from './table'
import { info, out } from './terminal'

export interface TableOptions {
  /** Whether `--long` was given. */
  readonly long?: true
}

/** The arguments of `Command.option` for each command that prints a table. */
export const longOption = [
  '--long',
  'print all columns, even if the terminal is too narrow',
] as const

/** Prints a table. */
export function printTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: TableOptions,
): void {
  const printer = createTablePrinter(columns, options)
  printer.print(rows)
  printer.end()
}

/**
 * Returns what prints a table part by part, as its rows are read. The titles are printed again when a part has room for other
 * columns than the one before.
 */
export function createTablePrinter<Row>(columns: readonly Column<Row>[], options: TableOptions) {
  const width = options.long === true ? null : terminalWidth()
  const missing = new Set<string>()
  let titles: string | null = null
  return {
    print(rows: readonly Row[]): void {
      const { header, rows: lines, leftOut } = layOutTable(columns, rows, width)
      if (titles !== leftOut.join()) for (const line of header) out(line)
      titles = leftOut.join()
      for (const title of leftOut) missing.add(title)
      for (const line of lines.flat()) out(line)
    },
    end(): void {
      if (missing.size === 0) return
      info(`Too narrow for ${[...missing].join(', ')}: use --long to print all columns.`)
    },
  }
}

/** Returns the columns of the terminal on stdout; null without one. Some serial consoles say that they have none. */
export function terminalWidth(): number | null {
  const { columns = 0 } = process.stdout
  return columns > 0 ? columns : null
}
