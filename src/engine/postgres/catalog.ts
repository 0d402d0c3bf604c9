import { type RawBuilder, sql } from 'kysely'

/** A table of ours, as the catalogue has it. */
export interface CatalogTable {
  readonly id: number
  readonly name: string
  readonly kind: string
  readonly persistence: string
}

/** The parts of some tables, as the catalogue has them. `table` is the id of the table. */
export interface CatalogParts {
  readonly columns: readonly CatalogColumn[]
  readonly sequences: readonly {
    readonly table: number
    readonly number: number
    readonly is_usual: boolean
  }[]
  readonly constraints: readonly CatalogConstraint[]
  readonly indexes: readonly CatalogIndex[]
  /** Ids of constraints and indexes that call functions or operators of this database: these can do anything. */
  readonly callers: readonly number[]
}

export interface CatalogColumn {
  readonly table: number
  readonly number: number
  readonly name: string
  readonly type: string
  readonly is_required: boolean
  readonly value: string | null
  /** `a` for always, `d` for by default, empty for none. */
  readonly identity: string
  readonly generated: string | null
  readonly collation: number
  readonly usual_collation: number
}

export interface CatalogConstraint {
  readonly id: number
  readonly table: number
  readonly name: string
  /** `c` for a check, `f` for a foreign key, `x` for an exclusion, `p` and `u` for those that an index has. */
  readonly type: string
  readonly index: number
  readonly columns: readonly number[] | null
  readonly target: number
  readonly target_name: string
  readonly target_columns: readonly number[] | null
  readonly on_delete: string
  readonly on_update: string
  readonly is_deferred: boolean
  readonly is_valid: boolean
  readonly enforced: string | null
  readonly expression: string | null
}

export interface CatalogIndex {
  readonly id: number
  readonly table: number
  readonly name: string
  readonly is_unique: boolean
  readonly is_primary: boolean
  readonly is_usable: boolean
  readonly is_deferred: boolean
  readonly columns: readonly number[]
  /** How many of the columns are part of the key. */
  readonly key_columns: number | null
  readonly collations: readonly number[]
  readonly nulls_not_distinct: string | null
  /** The greatest id of its operator classes and its access method. */
  readonly greatest_id: number
  /** The statement that creates an index with an expression or a condition; null for others. */
  readonly definition: string | null
}

/** Objects with smaller ids are those of Postgres itself. */
export const firstOwnId = 16_384

const rowsOf = (query: RawBuilder<unknown>) =>
  sql`(select coalesce(json_agg(x), '[]') from (${query}) as x)`

const columns = (ids: RawBuilder<unknown>) => sql`
  select a.attrelid::bigint as "table", a.attnum as number, a.attname::text as name,
    case when a.atttypid < ${sql.lit(firstOwnId)} then format_type(a.atttypid, a.atttypmod) else a.atttypid::regtype::text end as type,
    a.attnotnull as is_required,
    (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = a.attrelid and d.adnum = a.attnum) as value,
    a.attidentity::text as identity, to_jsonb(a) ->> 'attgenerated' as generated, a.attcollation::bigint as collation,
    (select t.typcollation::bigint from pg_type t where t.oid = a.atttypid) as usual_collation
  from pg_attribute a where a.attrelid = any(${ids}) and a.attnum > 0 and not a.attisdropped order by a.attname`

const sequences = (ids: RawBuilder<unknown>) => sql`
  select d.refobjid::bigint as "table", d.refobjsubid as number,
    s.seqincrement = 1 and s.seqmin = 1 and s.seqmax = 9223372036854775807 and not s.seqcycle as is_usual
  from pg_depend d join pg_sequence s on s.seqrelid = d.objid
  where d.refclassid = 'pg_class'::regclass and d.refobjid = any(${ids}) and d.classid = 'pg_class'::regclass and d.deptype = 'i'`

const constraints = (ids: RawBuilder<unknown>) => sql`
  select k.oid::bigint as id, k.conrelid::bigint as "table", k.conname::text as name, k.contype::text as type,
    k.conindid::bigint as index, k.conkey as columns, k.confrelid::bigint as target, k.confrelid::regclass::text as target_name,
    k.confkey as target_columns, k.confdeltype::text as on_delete, k.confupdtype::text as on_update,
    k.condeferrable as is_deferred, k.convalidated as is_valid, to_jsonb(k) ->> 'conenforced' as enforced,
    case k.contype when 'c' then pg_get_expr(k.conbin, k.conrelid) when 'x' then pg_get_constraintdef(k.oid) end as expression
  from pg_constraint k where k.conrelid = any(${ids}) and k.contype in ('c', 'f', 'p', 'u', 'x') order by k.conname`

const indexes = (ids: RawBuilder<unknown>) => sql`
  select i.indexrelid::bigint as id, i.indrelid::bigint as "table", c.relname::text as name, i.indisunique as is_unique,
    i.indisprimary as is_primary, i.indisvalid and i.indisready and i.indislive as is_usable, not i.indimmediate as is_deferred,
    i.indkey::int2[] as columns, (to_jsonb(i) ->> 'indnkeyatts')::int as key_columns, i.indcollation::oid[]::bigint[] as collations,
    to_jsonb(i) ->> 'indnullsnotdistinct' as nulls_not_distinct,
    (select max(x)::bigint from unnest(i.indclass::oid[] || c.relam) as x) as greatest_id,
    case when i.indpred is not null or i.indexprs is not null then pg_get_indexdef(i.indexrelid) end as definition
  from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = any(${ids}) order by c.relname`

const callers = (ids: RawBuilder<unknown>) => sql`(
  select coalesce(json_agg(d.objid::bigint), '[]') from pg_depend d
  where d.refobjid >= ${sql.lit(firstOwnId)} and d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)
    and (d.classid = 'pg_class'::regclass and d.objid in (select indexrelid from pg_index where indrelid = any(${ids}))
      or d.classid = 'pg_constraint'::regclass and d.objid in (select oid from pg_constraint where conrelid = any(${ids}))))`

/** One JSON object of the type `CatalogParts` with the parts of the tables with these ids. */
export const catalogParts = (ids: RawBuilder<unknown>) => sql`json_build_object(
  'columns', ${rowsOf(columns(ids))}, 'sequences', ${rowsOf(sequences(ids))}, 'constraints', ${rowsOf(constraints(ids))},
  'indexes', ${rowsOf(indexes(ids))}, 'callers', ${callers(ids)})`
