import type { Transaction } from 'kysely'
import type {
  AcmeChallenge,
  AcmeChallengeReads,
  AcmeChallengeWrites,
} from '../domain/acme-challenge'
import { ownProperty, parseJson } from '../domain/untrusted'
import type { Schema } from './schema'

/** Stored as facts, which are not copied: the certificate authority asks only the servers of this database. */
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
      // A handful at most: one for each name that is being validated.
      const rows = await db
        .selectFrom('facts')
        .select(['name', 'value'])
        .where('name', 'like', `${prefix}%`)
        .execute()
      const outdated = rows.filter(({ name, value }) => {
        const challenge = parseChallenge(name.slice(prefix.length), value)
        return challenge === null || challenge.time < before
      })
      if (outdated.length === 0) return
      const names = outdated.map(({ name }) => name)
      await db.deleteFrom('facts').where('name', 'in', names).execute()
    },
  }
}

/** Returns null for a value in a shape that this version does not know. */
function parseChallenge(token: string, text: string): AcmeChallenge | null {
  const value = parseJson(text)
  const [keyAuthorization, time] = [
    ownProperty(value, 'keyAuthorization'),
    ownProperty(value, 'time'),
  ]
  if (typeof keyAuthorization !== 'string' || typeof time !== 'number') return null
  return { token, keyAuthorization, time }
}
