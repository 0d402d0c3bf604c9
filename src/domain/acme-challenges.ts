import type { ClockWatch } from './clock-watch'
import type { Clock } from './runtime'
import type { Store } from './store'

/**
 * The ACME challenges of all servers that share a database. A load balancer may send the certificate authority's request to
 * any of them, so each can answer for all. Each server has its own certificate and its own ACME account.
 */
export interface AcmeChallenges {
  /** Stores an answer, and deletes those that are older than a day, while the clock is plausible. */
  put(token: string, keyAuthorization: string): Promise<void>
  /** Does nothing for an unknown token. */
  remove(token: string): Promise<void>
  /** Returns the key authorization, null for an unknown token. */
  find(token: string): Promise<string | null>
}

/** Milliseconds after which a challenge is left over from a killed server: every CA has stopped asking long before. */
const maxAge = 24 * 3600_000

export function createAcmeChallenges({
  store,
  clock,
  clockWatch,
}: {
  store: Store
  clock: Clock
  clockWatch: Pick<ClockWatch, 'ageLimit'>
}): AcmeChallenges {
  return {
    async put(token, keyAuthorization) {
      const time = clock()
      const limit = clockWatch.ageLimit(maxAge)
      await store.write(async ({ acmeChallenges }) => {
        if (limit !== null) await acmeChallenges.deleteBefore(limit.before)
        await acmeChallenges.put({ token, keyAuthorization, time })
      })
    },

    async remove(token) {
      await store.write(({ acmeChallenges }) => acmeChallenges.delete(token))
    },

    async find(token) {
      // No CA issues other tokens (RFC 8555, section 8.3), so they cost no query.
      if (!/^[\w-]{16,256}$/.test(token)) return null
      const found = await store.readOne(({ acmeChallenges }) => acmeChallenges.find(token))
      return found?.keyAuthorization ?? null
    },
  }
}
