import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ColumnTypes } from '../../engine/column-types'
import { fillDerivedColumns } from '../derived-columns'
import type { Schema } from '../schema'

/**
 * One account for each mailbox, however its address is written. Accounts that share a mailbox already go on: each has a number, and
 * the pair is unique.
 */
export const canonicalEmails =
  ({ time }: ColumnTypes) =>
  async (db: Kysely<Schema>): Promise<void> => {
    const statements = [
      sql`alter table users add column canonical_email text`,
      sql`alter table users add column twin ${time}`,
      sql`alter table invitations add column canonical_email text`,
      sql`create unique index users_canonical_email on users (canonical_email, twin)`,
      sql`create index invitations_canonical_email on invitations (canonical_email)`,
    ]
    for (const statement of statements) await statement.execute(db)
    await fillDerivedColumns(db)
  }
