import type { Kysely, Transaction } from 'kysely'
import type {
  AcmeChallenge,
  AcmeChallengeReads,
  AcmeChallengeWrites,
} from '../domain/acme-challenge'
import { ownProperty, parseJson } from '../domain/untrusted'
import { deleteFact, findFact, saveFact } from './facts'
import type { Schema } from './schema'

/** Stored as facts, which are not copied: the certificate authority asks only the servers of this database. */
const prefix = 'acme_challenge:'

export function acmeChallengeReads(db: Kysely<Schema>): AcmeChallengeReads {
  return {
    async find(token) {
      const value = await findFact(db, prefix + token)
      return value === null ? null : parseChallenge(token, value)
    },
  }
}

export function acmeChallengeWrites(
  db: Transaction<Schema>,
): AcmeChallengeReads & AcmeChallengeWrites {
  return {
    ...acmeChallengeReads(db),

    async put({ token, keyAuthorization, time }) {
      await saveFact(db, prefix + token, JSON.stringify({ keyAuthorization, time }))
    },

    async delete(token) {
      await deleteFact(db, prefix + token)
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
