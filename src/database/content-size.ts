import { type Kysely, sql } from 'kysely'
import { isPostgres } from '../engine/is-postgres'
import type { Schema } from '../store/schema'
import { tables } from '../store/tables'

/**
 * Returns an estimate of the size of a backup, in bytes: the size of the used pages of the database. That is a little more
 * than needed, since a backup has no indexes.
 */
export async function estimateBackupSize(db: Kysely<Schema>): Promise<number> {
  const names = sql.join(tables.map(({ name }) => sql`(${name})`))
  const { rows } = isPostgres(db)
    ? await sql<{ size: unknown }>`
        select sum(pg_total_relation_size(name::regclass)) as size from (values ${names}) as of_ours (name)
      `.execute(db)
    : await sql<{ size: unknown }>`
        select (page_count - freelist_count) * page_size as size
        from pragma_page_count(), pragma_freelist_count(), pragma_page_size()
      `.execute(db)
  return Number(rows[0]?.size)
}
