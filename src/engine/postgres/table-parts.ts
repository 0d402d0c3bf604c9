import { normalizeExpression, tokenizeSql } from '../sql-tokens'
import { quoteName, type TablePart } from '../structure'
import {
  type CatalogColumn,
  type CatalogConstraint,
  type CatalogIndex,
  type CatalogParts,
  type CatalogTable,
  firstOwnId,
} from './catalog'

/** Returns the parts of each table, in the words in which those of SQLite are described. */
export function describeParts(
  tables: readonly CatalogTable[],
  catalog: CatalogParts,
): ReadonlyMap<string, readonly TablePart[]> {
  const of = <T extends { readonly table: number }>(rows: readonly T[], { id }: CatalogTable) =>
    rows.filter((row) => row.table === id)
  return new Map(
    tables.map((table) => {
      const names = new Map(of(catalog.columns, table).map(({ number, name }) => [number, name]))
      const usual = of(catalog.sequences, table).filter(({ is_usual }) => is_usual)
      const withIndex = new Map(of(catalog.constraints, table).map((row) => [row.index, row]))
      const context = { table, tables, catalog, names, calls: new Set(catalog.callers) }
      return [
        table.name,
        [
          describeOptions(table),
          ...of(catalog.columns, table).map((column) =>
            describeColumn(
              table.name,
              column,
              usual.some(({ number }) => number === column.number),
            ),
          ),
          ...of(catalog.indexes, table).map((index) =>
            describeIndex(context, index, withIndex.get(index.id)?.name ?? null),
          ),
          ...of(catalog.constraints, table)
            .filter(({ type }) => type === 'c' || type === 'f' || type === 'x')
            .map((constraint) => describeConstraint(context, constraint)),
        ],
      ]
    }),
  )
}

interface TableContext {
  readonly table: CatalogTable
  readonly tables: readonly CatalogTable[]
  readonly catalog: CatalogParts
  /** The names of the columns by their numbers. */
  readonly names: ReadonlyMap<number, string>
  readonly calls: ReadonlySet<number>
}

const part = { index: null, isHarmless: false, removal: null } as const
const kinds: Readonly<Record<string, string>> = {
  p: 'partitioned',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
}

function describeOptions({ name, kind, persistence }: CatalogTable): TablePart {
  const options = [kinds[kind] ?? [], persistence === 'u' ? 'unlogged' : []].flat()
  const label = `the table options of ${name}`
  return { ...part, key: 'table options', definition: options.join(', '), label }
}

function describeColumn(table: string, column: CatalogColumn, isUsual: boolean): TablePart {
  const { name, type, value, generated } = column
  const identities: Readonly<Record<string, string>> = {
    a: 'identity always',
    d: isUsual ? 'identity' : 'identity with other numbers',
  }
  const isGenerated = (generated ?? '') !== ''
  const definition = [
    type.replace('character varying', 'varchar'),
    identities[column.identity] ?? [],
    column.is_required ? 'not null' : [],
    value === null || isGenerated ? [] : `default ${normalizeExpression(tokenizeSql(value))}`,
    isGenerated ? 'generated' : [],
    column.collation === column.usual_collation ? [] : 'with a collation of its own',
  ]
  return {
    ...part,
    key: `column ${name}`,
    definition: definition.flat().join(' '),
    label: `the ${isGenerated ? 'generated ' : ''}column ${name} of ${table}`,
    removal: `alter table ${quoteName(table)} drop column ${quoteName(name)}`,
  }
}

function describeIndex(
  context: TableContext,
  index: CatalogIndex,
  constraint: string | null,
): TablePart {
  const { table, names, calls, catalog } = context
  const { name, is_unique, is_primary, definition } = index
  const key = index.columns.slice(0, index.key_columns ?? index.columns.length)
  const columnNames = formatNames(key, names)
  const removal =
    constraint === null
      ? `drop index ${quoteName(name)}`
      : `alter table ${quoteName(table.name)} drop constraint ${quoteName(constraint)}`
  const states = [
    index.is_usable || !is_unique ? [] : 'not valid',
    index.is_deferred ? 'deferrable' : [],
    calls.has(index.id) || index.greatest_id >= firstOwnId ? 'with functions of this database' : [],
    index.nulls_not_distinct === 'true' ? 'nulls not distinct' : [],
    hasOtherCollation(index, catalog.columns) ? 'with a collation of its own' : [],
  ].flat()
  const expression = definition === null ? columnNames : indexExpression(definition)
  const kind = is_unique ? 'unique' : 'index'
  return {
    key: is_primary ? 'primary key' : `${kind} ${expression}`,
    definition: [is_primary ? columnNames : [], states].flat(2).join(' '),
    label: is_primary
      ? `the primary key of ${table.name}`
      : constraint === null
        ? `the ${is_unique ? 'unique ' : ''}index ${name} on ${table.name}`
        : `the constraint ${constraint} ${columnNames} of ${table.name}`,
    index: name,
    isHarmless: !is_unique && definition === null && states.length === 0 && constraint === null,
    removal,
  }
}

function hasOtherCollation(
  { table, columns: numbers, collations }: CatalogIndex,
  all: readonly CatalogColumn[],
): boolean {
  return numbers.some((number, position) => {
    const column = all.find((other) => other.table === table && other.number === number)
    return column !== undefined && (collations[position] ?? column.collation) !== column.collation
  })
}

/** Returns the columns and the condition of an index. */
function indexExpression(definition: string): string {
  const tokens = tokenizeSql(definition)
  return normalizeExpression(tokens.slice(tokens.findIndex(({ text }) => text === '(')))
}

const actions: Readonly<Record<string, string>> = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
}

function describeConstraint(context: TableContext, constraint: CatalogConstraint): TablePart {
  const { table, tables, catalog, names, calls } = context
  const { id, name, type, target } = constraint
  const states = [
    constraint.is_deferred ? 'deferrable' : [],
    constraint.is_valid && constraint.enforced !== 'false' ? [] : 'not enforced',
    calls.has(id) ? 'with functions of this database' : [],
  ].flat()
  const common = {
    ...part,
    label: `the constraint ${name} of ${table.name}`,
    removal: `alter table ${quoteName(table.name)} drop constraint ${quoteName(name)}`,
  }
  if (type === 'f') {
    const targetName = tables.find((other) => other.id === target)?.name ?? constraint.target_name
    const targetColumns = catalog.columns.filter((column) => column.table === target)
    const targetNames = new Map(targetColumns.map((column) => [column.number, column.name]))
    const references = `references ${targetName} ${formatNames(constraint.target_columns ?? [], targetNames)}`
    const reaction = `on delete ${actions[constraint.on_delete]} on update ${actions[constraint.on_update]}`
    return {
      ...common,
      key: `foreign key ${formatNames(constraint.columns ?? [], names)}`,
      definition: [references, reaction, ...states].join(' '),
    }
  }
  const expression = normalizeExpression(tokenizeSql(constraint.expression ?? ''))
  const key = type === 'c' ? `check (${expression})` : `exclusion ${expression}`
  return { ...common, key, definition: states.join(' ') }
}

function formatNames(numbers: readonly number[], names: ReadonlyMap<number, string>): string {
  return `(${numbers.map((number) => names.get(number) ?? 'an expression').join(', ')})`
}
