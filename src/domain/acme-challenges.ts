import type { Clock } from './runtime'
import type { Store } from './store'

/**
 * The answers of all servers of a database: an authority that looks for one under their name reaches whichever the balancer
 * chooses. Each server has a certificate and an account of its own.
 */
export interface AcmeChallenges {
  put(token: string, keyAuthorization: string): Promise<void>
  remove(token: string): Promise<void>
  /** Null for a token that nobody waits for. */
  find(token: string): Promise<string | null>
}

/** Long after every authority has given up, in milliseconds: what a server left that was killed. */
const maxAge = 24 * 3600_000

export function createAcmeChallenges({
  store,
  clock,
}: {
  store: Store
  clock: Clock
}): AcmeChallenges {
  return {
    async put(token, keyAuthorization) {
      const time = clock()
      await store.write(async ({ acmeChallenges }) => {
        await acmeChallenges.deleteBefore(time - maxAge)
        await acmeChallenges.put({ token, keyAuthorization, time })
      })
    },

    async remove(token) {
      await store.write(({ acmeChallenges }) => acmeChallenges.delete(token))
    },

    async find(token) {
      // Anything else was not made by an authority (RFC 8555, section 8.3), and is not worth a query.
      if (!/^[\w-]{16,256}$/.test(token)) return null
      const found = await store.read(({ acmeChallenges }) => acmeChallenges.find(token))
      return found?.keyAuthorization ?? null
    },
  }
}
