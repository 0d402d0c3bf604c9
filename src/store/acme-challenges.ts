import type { Transaction } from 'kysely'
import type {
  AcmeChallenge,
  AcmeChallengeReads,
  AcmeChallengeWrites,
} from '../domain/acme-challenge'
import { ownProperty } from '../domain/untrusted'
import type { Schema } from './schema'

/** Facts of the one database: a copy of it is asked by nobody. */
const prefix = 'acme_challenge:'

export function acmeChallengeReads(db: Transaction<Schema>): AcmeChallengeReads {
  return {
    async find(token) {
      const row = await db
        .selectFrom('facts')
        .select('value')
        .where('name', '=', `${prefix}${token}`)
        .executeTakeFirst()
      return row === undefined ? null : parseChallenge(token, row.value)
    },
  }
}

export function acmeChallengeWrites(
  db: Transaction<Schema>,
): AcmeChallengeReads & AcmeChallengeWrites {
  return {
    ...acmeChallengeReads(db),

    async put({ token, keyAuthorization, time }) {
      const value = JSON.stringify({ keyAuthorization, time })
      await db
        .insertInto('facts')
        .values({ name: `${prefix}${token}`, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute()
    },

    async delete(token) {
      await db.deleteFrom('facts').where('name', '=', `${prefix}${token}`).execute()
    },

    async deleteBefore(before) {
      // A handful at most: there is one for each name that is being shown.
      const rows = await db
        .selectFrom('facts')
        .select(['name', 'value'])
        .where('name', 'like', `${prefix}%`)
        .execute()
      const old = rows.filter(({ name, value }) => {
        const challenge = parseChallenge(name.slice(prefix.length), value)
        return challenge === null || challenge.time < before
      })
      if (old.length === 0) return
      const names = old.map(({ name }) => name)
      await db.deleteFrom('facts').where('name', 'in', names).execute()
    },
  }
}

/** What another version wrote in another shape is as good as nothing. */
function parseChallenge(token: string, text: string): AcmeChallenge | null {
  const value: unknown = JSON.parse(text)
  const [keyAuthorization, time] = [
    ownProperty(value, 'keyAuthorization'),
    ownProperty(value, 'time'),
  ]
  if (typeof keyAuthorization !== 'string' || typeof time !== 'number') return null
  return { token, keyAuthorization, time }
}
