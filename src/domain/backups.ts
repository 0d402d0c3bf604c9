import type { BackupState, VerifiedBackup } from './backup-state'
import type { Clock } from './runtime'
import type { Store } from './store'

/** Milliseconds for which one server alone may create a backup; also the delay after one that failed. */
const claimDuration = 60 * 60_000

/** Age in milliseconds from which the newest daily backup counts as missing. */
const maxBackupAge = 48 * 60 * 60_000

export interface Backups {
  /** Returns the stored state; before the first backup, an initial one from now on, which is not stored. */
  state(): Promise<BackupState>
  /**
   * Claims the next backup for the caller, for an hour. Returns false if there is a backup since `since`, or another server has
   * claimed it.
   */
  claim(since: number): Promise<boolean>
  /** Records a backup that succeeded, and ends the claim. */
  recordVerified(backup: VerifiedBackup): Promise<void>
  /** Records why a backup failed. The claim stays. */
  recordFailure(reason: string): Promise<void>
}

export function createBackups(deps: { store: Store; clock: Clock }): Backups {
  const { store, clock } = deps

  const change = (to: (state: BackupState) => BackupState | null) =>
    store.write(async (tx) => {
      const found = await tx.backups.findForChange()
      const next = to(found ?? initialState(clock()))
      if (next !== null) await tx.backups.save(next)
      return next !== null
    })

  return {
    state: async () => (await store.read((tx) => tx.backups.find())) ?? initialState(clock()),

    claim: (since) =>
      change((state) => {
        const now = clock()
        const isDone = (credibleBackup(state, now)?.time ?? Number.NEGATIVE_INFINITY) >= since
        // A claim that ends later comes from a wrong clock: ignore it.
        const isClaimed = state.claimedUntil > now && state.claimedUntil <= now + claimDuration
        // A beginning in the future does too: until then, a missing backup would not be reported.
        const begun = isFromFuture(state.since, now) ? now : state.since
        return isDone || isClaimed
          ? null
          : { ...state, since: begun, claimedUntil: now + claimDuration }
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

/**
 * Returns what is wrong with daily backups: `failed` if the last one did, `stale` if there is none for two days, else null.
 */
export function backupProblem(state: BackupState, now: number): 'failed' | 'stale' | null {
  const { since, failure } = state
  const verified = credibleBackup(state, now)
  // A backup that succeeds later removes the failure. Their times tell nothing: the clock may have been set back in between.
  if (failure !== null) return 'failed'
  return now - (verified?.time ?? since) > maxBackupAge ? 'stale' : null
}

/** Returns whether a backup is from the last two days, and not from the future. */
export function isRecentBackup(time: number, now: number): boolean {
  return time <= now + claimDuration && now - time <= maxBackupAge
}

/**
 * Returns the last verified backup. Null for one from the future: the clock was wrong, and no backup would be created until
 * then.
 */
function credibleBackup({ verified }: BackupState, now: number): VerifiedBackup | null {
  return verified !== null && !isFromFuture(verified.time, now) ? verified : null
}

/** Returns whether a time comes from a clock that was wrong. The clocks of other servers may be a little ahead. */
export function isFromFuture(time: number, now: number): boolean {
  return time > now + claimDuration
}
