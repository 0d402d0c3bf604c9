import { type QueryExecutorProvider, sql } from 'kysely'
import type { ActingObject, DatabaseStructure } from '../structure'
import { actingObjects } from './acting-objects'
import { type CatalogParts, type CatalogTable, catalogParts } from './catalog'
import { describeParts } from './table-parts'

/** A relation of the current schema. */
interface Relation extends CatalogTable {
  /** The table of an index; null for other relations. */
  readonly indexed: number | null
  /** The table of ours that a sequence belongs to, or the extension of a member. */
  readonly owner: number | null
}

/**
 * Reads the structure of the current schema around the tables `own`. Triggers that Postgres itself creates for foreign keys, and
 * members of extensions, do not count. The queries join little: Postgres would take longer to plan than to run them.
 */
export async function readPostgresStructure(
  db: QueryExecutorProvider,
  own: ReadonlySet<string>,
): Promise<DatabaseStructure> {
  const { rows: relations } = await sql<Relation>`
    select c.oid::bigint as id, c.relname::text as name, c.relkind::text as kind, c.relpersistence::text as persistence,
      (select i.indrelid::bigint from pg_index i where i.indexrelid = c.oid) as indexed,
      (select max(d.refobjid::bigint) from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'e', 'i')
          and (d.deptype = 'e' or c.relkind = 'S')) as owner
    from pg_class c where c.relnamespace = (select n.oid from pg_namespace n where n.nspname = current_schema())
      and c.relkind <> 't' order by c.relname
  `.execute(db)
  const tables = relations.filter(
    ({ name, kind }) => own.has(name) && ['r', 'p', 'v', 'm', 'f'].includes(kind),
  )
  const ids = new Set(tables.map(({ id }) => id))
  // Numbers from the catalogue, which need no parameters.
  const list = sql.raw(`'{${[...ids].join()}}'::oid[]`)
  const { rows } = await sql<{
    parts: CatalogParts
    acting: readonly ActingObject[]
    notes: readonly string[]
  }>`
    select ${catalogParts(list)} as parts, ${actingObjects(list)} as acting,
      (select coalesce(json_agg('the event trigger ' || evtname order by evtname), '[]')
        from pg_event_trigger where evtenabled <> 'D') as notes
  `.execute(db)
  const [found] = rows
  if (found === undefined) throw new Error('Postgres returned no row')
  const { parts, acting, notes } = found
  const isOther = ({ id, indexed, owner, kind }: Relation) =>
    !ids.has(id) && !ids.has(indexed ?? 0) && (owner === null || (kind === 'S' && !ids.has(owner)))
  const others = relations
    .filter(isOther)
    .map(({ name, kind }) => ({ name, kind: kinds[kind] ?? 'table' }))
  return { tables: describeParts(tables, parts), acting, others, notes }
}

const kinds: Readonly<Record<string, string>> = {
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
  S: 'sequence',
  i: 'index',
  I: 'index',
  c: 'type',
}
