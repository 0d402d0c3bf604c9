import { DomainError, reasonsOf } from './errors'
import type { Store } from './store'
import type { Clock } from './world'

/** Whether requests can be served at present. */
export interface Readiness {
  /** Null when the database answers and takes writes, else why not, for operators. */
  problem(): Promise<string | null>
}

/** How long an answer holds, in milliseconds: whoever asks a thousand times a second asks the database once. */
const validity = 1_000

export function createReadiness(deps: { store: Pick<Store, 'check'>; clock: Clock }): Readiness {
  let asked: { at: number; answer: Promise<string | null> } | null = null
  return {
    problem() {
      const now = deps.clock()
      // A clock that was set back must not keep an old answer for good.
      const age = asked === null ? Number.NaN : now - asked.at
      if (asked === null || !(age >= 0 && age < validity)) {
        asked = { at: now, answer: problemOf(deps.store) }
      }
      return asked.answer
    },
  }
}

async function problemOf(store: Pick<Store, 'check'>): Promise<string | null> {
  try {
    await store.check()
    return null
  } catch (error) {
    if (error instanceof DomainError) return reasonsOf(error)
    throw error
  }
}
