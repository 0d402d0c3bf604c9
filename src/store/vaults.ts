import { type Kysely, sql } from 'kysely'
import { rowOverheadBytes, type VaultReads } from '../domain/vault-quota'
import type { Schema } from './schema'

export function vaultReads(db: Kysely<Schema>): VaultReads {
  return {
    async size(owner) {
      const records = db
        .selectFrom('records')
        .select(sumBytes('name', 'login', 'password').as('size'))
        .where('user_id', '=', owner)
      const fields = db
        .selectFrom('records')
        .innerJoin('additional_fields as field', 'field.record_id', 'records.id')
        .select(sumBytes('field.name', 'field.value').as('size'))
        .where('user_id', '=', owner)
      const notes = db
        .selectFrom('notes')
        .select(sumBytes('name', 'content').as('size'))
        .where('user_id', '=', owner)
      const rows = await records.unionAll(fields).unionAll(notes).execute()
      return rows.reduce((total, { size }) => total + Number(size ?? 0), 0)
    },
  }
}

/**
 * The sum of the bytes of some columns in all rows, null without rows. Neither engine reads a long text to get its
 * length.
 */
function sumBytes(...columns: readonly string[]) {
  const lengths = columns.map((column) => sql`octet_length(${sql.ref(column)})`)
  return sql<unknown>`sum(${sql.join([sql.lit(rowOverheadBytes), ...lengths], sql` + `)})`
}
