import { type Kysely, sql, type Transaction } from 'kysely'
import type { VaultReads, VaultWrites } from '../domain/vault'
import { rowOverheadBytes } from '../domain/vault-quota'
import { additionalFieldWrites } from './additional-fields'
import { vaultRevision } from './generation'
import { createHistoryKeeper } from './history-keeper'
import { noteWrites } from './notes'
import { prepareQueryOfTwo } from './prepared'
import { recordWrites } from './records'
import { rekeyVault } from './rekey'
import type { Schema } from './schema'

const raiseRevision = prepareQueryOfTwo((db, id, sessionEpoch) =>
  db
    .updateTable('users')
    .set(({ eb }) => ({ revision: eb('revision', '+', sql.lit(1)) }))
    .where('id', '=', id)
    .where('session_epoch', '=', sessionEpoch)
    .where('disabled', '=', sql.lit(false))
    .returning([
      'revision',
      vaultRevision('revision').as('shownRevision'),
      'history_number as number',
      'history_bytes as bytes',
    ]),
)

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

export function vaultWrites(db: Transaction<Schema>): VaultReads & VaultWrites {
  return {
    ...vaultReads(db),

    async open({ id: owner, sessionEpoch }, keeping) {
      const [row] = await raiseRevision(db, owner, sessionEpoch)
      if (row === undefined) return null
      const history = createHistoryKeeper(db, owner, { keeping, totals: row })
      const vault = { owner, revision: row.revision, history }
      return {
        owner,
        revision: row.shownRevision,
        records: recordWrites(db, vault),
        notes: noteWrites(db, vault),
        additionalFields: additionalFieldWrites(db, vault),
        rekey: (rekeyed) => rekeyVault(db, vault, rekeyed),
        history,
      }
    },
  }
}

/**
 * The sum of the bytes of some columns in all rows, null without rows. Neither engine reads a long text to get its
 * length.
 */
export function sumBytes(...columns: readonly string[]) {
  const lengths = columns.map((column) => sql`octet_length(${sql.ref(column)})`)
  return sql<unknown>`sum(${sql.join([sql.lit(rowOverheadBytes), ...lengths], sql` + `)})`
}
