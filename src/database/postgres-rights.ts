import { type Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import type { Schema } from '../store/schema'
import { tables } from '../store/tables'

/** The tables that a server reads and writes. */
const usedTables = [...tables.map(({ name }) => name), 'facts']

/** Throws `unavailable`, with the statement that grants it, if the user of a connection lacks a right on our tables. */
export async function requireRights(name: string, db: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{ user: string; schema: string; table: string; missing: string[] }>`
    select current_user::text as user, n.nspname::text as schema, c.relname::text as table,
      array(select r from unnest(array['select', 'insert', 'update', 'delete']) as r
        where not has_table_privilege(c.oid, r)) as missing
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = current_schema() and c.relname in (${sql.join(usedTables)})
    order by c.relname
  `.execute(db)
  const lacking = rows.find(({ missing }) => missing.length > 0)
  if (lacking === undefined) return
  const { user, schema, table, missing } = lacking
  throw new DomainError(
    'unavailable',
    `${name} can't be used: the user ${user} may not ${missing.join(', ')} in the table ${table}`,
    {
      hint: `run as the owner of the tables: grant select, insert, update, delete on all tables in schema ${quote(schema)} to ${quote(user)}`,
    },
  )
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
