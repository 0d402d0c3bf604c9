import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'
import { normalizeExpression, type SqlToken, tokenizeSql } from '../sql-tokens'
import { quoteName, type TablePart } from '../structure'

/** A table or index with the statement that created it; null for the index of a constraint. */
interface Definition {
  readonly name: string
  readonly sql: string | null
}

/**
 * Returns the parts of these tables, by their names in lower case. SQLite's pragmas describe all parts but checks, conflict
 * clauses, collations and deferred foreign keys, which are read from the words of the definition. Throws SQLiteError.
 */
export async function readTableParts(
  db: QueryExecutorProvider,
  tables: readonly Definition[],
  indexes: readonly Definition[],
): Promise<ReadonlyMap<string, readonly TablePart[]>> {
  // A query for all tables: each of these pragmas costs more to prepare than to run.
  const columnRows = Map.groupBy(await readRows(db, columnQuery), (row) => row.table)
  const indexRows = Map.groupBy(await readRows(db, indexQuery), (row) => row.table)
  const keyRows = Map.groupBy(await readRows(db, keyQuery), (row) => row.table)
  const indexTexts = new Map(indexes.map((index) => [index.name, index.sql]))
  return new Map(
    tables.map(({ name, sql: text }) => {
      const columns = columnRows.get(name) ?? []
      const parts = [
        describeOptions(name, columns[0]),
        ...columns.map((column) => describeColumn(name, column)),
        describePrimaryKey(name, columns),
        ...describeIndexes(name, indexRows.get(name) ?? [], indexTexts),
        ...describeForeignKeys(name, keyRows.get(name) ?? []),
        ...describeClauses(name, text ?? ''),
      ]
      return [name.toLowerCase(), parts] as const
    }),
  )
}

async function readRows<Row>(
  db: QueryExecutorProvider,
  query: RawBuilder<Row>,
): Promise<readonly Row[]> {
  return (await query.execute(db)).rows
}

/** A part that only a new table can change. */
function fixedPart(table: string, key: string, definition: string): TablePart {
  const label = `the ${key} of ${table}`
  return { key, definition, label, index: null, isHarmless: false, removal: null }
}

// Without virtual tables, whose module may be missing here.
const columnQuery = sql<ColumnRow>`select l.name as "table", l.wr, l.strict, c.*
  from pragma_table_list l, pragma_table_xinfo(l.name) c
  where l.schema = 'main' and l.type = 'table'`

interface ColumnRow {
  readonly table: string
  /** Whether the table is without rowid. */
  readonly wr: number
  readonly strict: number
  readonly name: string
  readonly type: string
  readonly notnull: number
  readonly dflt_value: string | null
  readonly pk: number
  readonly hidden: number
}

function describeOptions(table: string, row: ColumnRow | undefined): TablePart {
  const options = [
    ...(row === undefined ? ['virtual'] : []),
    ...(row?.wr === 1 ? ['without rowid'] : []),
    ...(row?.strict === 1 ? ['strict'] : []),
  ]
  return fixedPart(table, 'table options', options.join(', '))
}

function describeColumn(
  table: string,
  { name, type, notnull, dflt_value, pk, hidden }: ColumnRow,
): TablePart {
  const value = dflt_value === null ? 'null' : normalizeExpression(tokenizeSql(dflt_value))
  const definition = [
    type.toLowerCase(),
    ...(notnull === 1 || pk > 0 ? ['not null'] : []),
    ...(value === 'null' ? [] : [`default ${value}`]),
    ...(hidden === 0 ? [] : ['generated']),
  ].join(' ')
  return {
    ...fixedPart(table, `column ${name.toLowerCase()}`, definition),
    label: `the ${hidden === 0 ? '' : 'generated '}column ${name} of ${table}`,
    removal: `alter table ${quoteName(table)} drop column ${quoteName(name)}`,
  }
}

function describePrimaryKey(table: string, rows: readonly ColumnRow[]): TablePart {
  const key = rows.filter(({ pk }) => pk > 0).sort((one, other) => one.pk - other.pk)
  return fixedPart(table, 'primary key', formatNames(key.map(({ name }) => name)))
}

const indexQuery = sql<IndexRow>`select l.name as "table", i.name, i."unique", i.origin, i.partial, c.name as "column", c.coll
  from sqlite_schema l cross join pragma_index_list(l.name) i cross join pragma_index_xinfo(i.name) c
  where l.type = 'table' and l.rootpage > 0 and i.origin <> 'pk' and c.key = 1 order by i.name, c.seqno`

/** A column of an index. */
interface IndexRow {
  readonly table: string
  readonly name: string
  readonly unique: number
  readonly origin: 'c' | 'u'
  readonly partial: number
  /** Null for an expression. */
  readonly column: string | null
  readonly coll: string
}

function describeIndexes(
  table: string,
  rows: readonly IndexRow[],
  texts: ReadonlyMap<string, string | null>,
): readonly TablePart[] {
  return [...Map.groupBy(rows, ({ name }) => name)].map(([name, columns]) =>
    describeIndex(table, columns, texts.get(name) ?? ''),
  )
}

function describeIndex(table: string, columns: readonly IndexRow[], text: string): TablePart {
  const [first] = columns
  if (first === undefined) throw new Error('an index without columns')
  const { name, unique, origin, partial } = first
  const isUnique = unique === 1
  // Other collations are functions of the program that defined them: without it, every write of the table fails.
  const isBuiltIn = columns.every(({ coll }) => /^(?:binary|nocase|rtrim)$/i.test(coll))
  const isPlain = partial === 0 && isBuiltIn && columns.every(({ column }) => column !== null)
  const names = formatNames(
    columns.map(({ column, coll }) =>
      /^binary$/i.test(coll) ? column : `${column} collate ${coll}`,
    ),
  )
  const isConstraint = origin === 'u'
  return {
    key: `${isUnique ? 'unique' : 'index'} ${isPlain ? names : indexExpression(text)}`,
    definition: '',
    label: isConstraint
      ? `the unique constraint ${names} of ${table}`
      : `the ${isUnique ? 'unique ' : ''}index ${name} on ${table}`,
    index: isConstraint ? null : name,
    isHarmless: !isUnique && isPlain,
    removal: isConstraint ? null : `drop index ${quoteName(name)}`,
  }
}

/** Returns what follows the table's name in `create index`. */
function indexExpression(text: string): string {
  const tokens = tokenizeSql(text)
  return normalizeExpression(tokens.slice(tokens.findIndex(({ text }) => text === '(')))
}

const keyQuery = sql<ForeignKeyRow>`select l.name as "table", f.id, f."table" as target, f."from", f."to", f.on_update, f.on_delete
  from sqlite_schema l cross join pragma_foreign_key_list(l.name) f
  where l.type = 'table' and l.rootpage > 0 order by l.name, f.id, f.seq`

/** A column of a foreign key. */
interface ForeignKeyRow {
  readonly table: string
  readonly id: number
  readonly target: string
  readonly from: string
  readonly to: string | null
  readonly on_update: string
  readonly on_delete: string
}

function describeForeignKeys(table: string, rows: readonly ForeignKeyRow[]): readonly TablePart[] {
  return [...Map.groupBy(rows, ({ id }) => id).values()].flatMap((columns) => {
    const [first] = columns
    if (first === undefined) return []
    const target = `${first.target} ${formatNames(columns.map(({ to }) => to))}`
    const actions = `on delete ${first.on_delete} on update ${first.on_update}`
    const key = `foreign key ${formatNames(columns.map(({ from }) => from))}`
    return [fixedPart(table, key, `references ${target} ${actions}`.toLowerCase())]
  })
}

/** Words of the clauses that no pragma describes. */
const clauseWords = /\b(?:check|conflict|collate|deferred|autoincrement)\b/i

/** Returns the clauses of `create table` that no pragma describes. */
function describeClauses(table: string, text: string): readonly TablePart[] {
  if (!clauseWords.test(text)) return []
  const tokens = tokenizeSql(text)
  const isWord = (index: number, word: string) => {
    const token = tokens[index]
    return token?.depth === 1 && !token.isQuoted && token.text === word
  }
  return tokens.flatMap((_, index) => {
    const next = tokens[index + 1]?.text ?? ''
    if (isWord(index, 'check') && next === '(') {
      const isEnd = (token: SqlToken, at: number) =>
        at > index && token.text === ')' && token.depth === 1
      const expression = normalizeExpression(tokens.slice(index + 1, tokens.findIndex(isEnd)))
      return [fixedPart(table, `check (${expression})`, '')]
    }
    const value = tokens[index + 2]?.text ?? ''
    // Without a clause, SQLite aborts and compares bytes.
    if (isWord(index, 'on') && next === 'conflict' && value !== 'abort')
      return [fixedPart(table, `clause on conflict ${value}`, '')]
    if (isWord(index, 'collate') && next !== 'binary')
      return [fixedPart(table, `clause collate ${next}`, '')]
    if (isWord(index, 'initially') && next === 'deferred')
      return [fixedPart(table, 'clause initially deferred', '')]
    return isWord(index, 'autoincrement') ? [fixedPart(table, 'clause autoincrement', '')] : []
  })
}

function formatNames(names: readonly (string | null)[]): string {
  return `(${names.map((name) => name?.toLowerCase() ?? 'an expression').join(', ')})`
}
