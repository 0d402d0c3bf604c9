/** Why a vault was locked, other than because somebody wanted it. */
export type LockReason = 'idle' | 'hidden' | 'elsewhere' | 'signed-out' | 'left'

/** A message between the tabs of one browser. */
export type TabMessage =
  | { readonly kind: 'active' }
  | { readonly kind: 'lock'; readonly reason: LockReason }

export interface AutoLock {
  /** Somebody does something. Locks instead if the time is over: after a sleep this comes before any timer. */
  noteActivity(): void
  noteHidden(): void
  /** To be called each second or so. */
  tick(): void
  receive(message: unknown): void
}

/** How often other tabs hear of activity, in milliseconds. */
const tellInterval = 5000

/** Locks after a time without use by the wall clock, so sleep counts, and in all tabs. Use of one tab is use of all. */
export function createAutoLock(deps: {
  clock: () => number
  lockMinutes: () => number
  lockWhenHidden: () => boolean
  isOpen: () => boolean
  lock: (reason: LockReason) => void
  tell: (message: TabMessage) => void
}): AutoLock {
  const { clock, lock, tell } = deps
  let lastActivity = clock()
  let lastTold = 0

  function lockIfIdle(): boolean {
    if (!deps.isOpen()) return false
    if (clock() - lastActivity < deps.lockMinutes() * 60_000) return false
    lock('idle')
    tell({ kind: 'lock', reason: 'idle' })
    return true
  }

  return {
    noteActivity() {
      if (lockIfIdle()) return
      lastActivity = clock()
      if (lastActivity - lastTold < tellInterval) return
      lastTold = lastActivity
      tell({ kind: 'active' })
    },
    noteHidden() {
      if (deps.isOpen() && deps.lockWhenHidden()) lock('hidden')
    },
    tick() {
      lockIfIdle()
    },
    receive(message) {
      const isMessage = typeof message === 'object' && message !== null && 'kind' in message
      if (!isMessage) return
      if (message.kind === 'active') lastActivity = clock()
      else if (message.kind === 'lock' && deps.isOpen()) {
        const isIdle = 'reason' in message && message.reason === 'idle'
        lock(isIdle ? 'idle' : 'elsewhere')
      }
    },
  }
}
