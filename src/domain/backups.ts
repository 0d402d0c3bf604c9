import type { BackupState, VerifiedBackup } from './backup-state'
import type { Clock } from './runtime'
import type { Store } from './store'

/** How long a server has a try for itself, and nobody tries again after one that failed. */
const claimDuration = 60 * 60_000

/** An archive older than this, where one is made every day, means that something is wrong. */
const maxBackupAge = 48 * 60 * 60_000

export interface Backups {
  /** What is known. Before the first try, the watch begins with the question: whoever only asks writes nothing. */
  state(): Promise<BackupState>
  /** Gives the caller a try when there was no archive since a time, and nobody else has one. */
  claim(since: number): Promise<boolean>
  recordVerified(backup: VerifiedBackup): Promise<void>
  recordFailure(reason: string): Promise<void>
}

export function createBackups(deps: { store: Store; clock: Clock }): Backups {
  const { store, clock } = deps

  const change = (to: (state: BackupState) => BackupState | null) =>
    store.write(async (tx) => {
      const found = await tx.backups.find()
      const next = to(found ?? initialState(clock()))
      if (next !== null) await tx.backups.save(next)
      return next !== null
    })

  return {
    state: async () => (await store.read((tx) => tx.backups.find())) ?? initialState(clock()),

    claim: (since) =>
      change((state) => {
        const now = clock()
        const isDone = state.verified !== null && state.verified.time >= since
        // A claim from a clock that was wrong is none.
        const isClaimed = state.claimedUntil > now && state.claimedUntil <= now + claimDuration
        return isDone || isClaimed ? null : { ...state, claimedUntil: now + claimDuration }
      }),

    async recordVerified(verified) {
      await change((state) => ({ ...state, verified, failure: null, claimedUntil: 0 }))
    },

    async recordFailure(reason) {
      // The claim stays: the next try is an hour away.
      await change((state) => ({ ...state, failure: { time: clock(), reason } }))
    },
  }
}

function initialState(now: number): BackupState {
  return { since: now, verified: null, failure: null, claimedUntil: 0 }
}

/** What is wrong with the archives of a database that should have one every day; null for nothing. */
export function backupProblem(
  { since, verified, failure }: BackupState,
  now: number,
): 'failed' | 'stale' | null {
  if (failure !== null && (verified === null || failure.time >= verified.time)) return 'failed'
  return now - (verified?.time ?? since) > maxBackupAge ? 'stale' : null
}
