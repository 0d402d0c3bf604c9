import type { Kysely, Transaction } from 'kysely'
import type { Invitation, InvitationReads, InvitationWrites } from '../domain/invitation'
import type { Schema } from './schema'

export function invitationReads(db: Kysely<Schema>): InvitationReads {
  const select = () => db.selectFrom('invitations').select(['email', 'creation_time'])

  return {
    async list() {
      return (await select().orderBy('seq').execute()).map(toInvitation)
    },

    async find(email) {
      const row = await select().where('email', '=', email).executeTakeFirst()
      return row === undefined ? null : toInvitation(row)
    },
  }
}

export function invitationWrites(db: Transaction<Schema>): InvitationReads & InvitationWrites {
  return {
    ...invitationReads(db),

    async insert({ email, creationTime }) {
      const result = await db
        .insertInto('invitations')
        .values({ email, creation_time: creationTime })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },

    async delete(email) {
      const result = await db
        .deleteFrom('invitations')
        .where('email', '=', email)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
  }
}

function toInvitation(row: { email: string; creation_time: number }): Invitation {
  return { email: row.email, creationTime: row.creation_time }
}
