import type { Kysely, Transaction } from 'kysely'
import { canonicalEmail } from '../domain/email'
import type { Invitation, InvitationReads, InvitationWrites } from '../domain/invitation'
import type { Schema } from './schema'

export function invitationReads(db: Kysely<Schema>): InvitationReads {
  const select = () => db.selectFrom('invitations').select(['email', 'creation_time'])

  return {
    async list() {
      return (await select().orderBy('seq').execute()).map(toInvitation)
    },

    async find(email) {
      const row = await select()
        .where('canonical_email', '=', canonicalEmail(email))
        .orderBy('seq')
        .executeTakeFirst()
      return row === undefined ? null : toInvitation(row)
    },
  }
}

export function invitationWrites(db: Transaction<Schema>): InvitationReads & InvitationWrites {
  return {
    ...invitationReads(db),

    async insert({ email, creationTime }) {
      await db
        .insertInto('invitations')
        .values({ email, canonical_email: canonicalEmail(email), creation_time: creationTime })
        .execute()
    },

    async delete(email) {
      const result = await db
        .deleteFrom('invitations')
        .where('canonical_email', '=', canonicalEmail(email))
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
  }
}

function toInvitation(row: { email: string; creation_time: number }): Invitation {
  return { email: row.email, creationTime: row.creation_time }
}
