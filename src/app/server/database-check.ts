import type { PendingCheck } from '../../database/database'
import { DomainError } from '../../domain/errors'
import type { Wait } from '../../domain/runtime'
import { ownProperty, parseJson } from '../../domain/untrusted'
import type { Log } from '../../log'

/** Milliseconds until the check begins: the start of the server comes first. */
const initialDelay = 1_000

/** What is wrong with a database, and what to do about it. Both are for operators. */
export interface Damage {
  readonly problem: string
  readonly hint: string
}

/** Reads the whole database without keeping the server from its work. Returns what is wrong, null for nothing. */
export type CheckDatabase = (signal: AbortSignal) => Promise<Damage | null>

export interface DatabaseCheck {
  /** Returns what is wrong with the database, for operators, until the server stops; null for nothing. */
  problem(): string | null
  stop(): Promise<void>
}

/**
 * Does the check that the start has left undone, and logs what is wrong: a database that no server could start on must not be
 * served for months because this one was started before its disk failed.
 */
export function startDatabaseCheck(deps: {
  pending: PendingCheck
  check: CheckDatabase
  wait: Wait
  log: Log
}): DatabaseCheck {
  const { pending, check, wait, log } = deps
  const stopping = new AbortController()
  let problem: string | null = null

  const run = async (): Promise<void> => {
    try {
      await wait(initialDelay, stopping.signal)
      const damage = await check(stopping.signal)
      if (damage === null) {
        pending.passed()
        log.info('the check of the database has found nothing')
        return
      }
      problem = damage.problem
      log.error(problem, undefined, { hint: damage.hint })
    } catch (error) {
      if (stopping.signal.aborted) return
      const reason = error instanceof DomainError ? error.message : null
      log.error(
        'the database could not be checked; the next start does that before it answers',
        reason === null ? error : undefined,
        reason === null ? {} : { reason },
      )
    }
  }
  const running = run()
  return {
    problem: () => problem,
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** Returns what the hidden command `service step check` has printed. Throws `unavailable` for anything else. */
export function parseDamage(output: string): Damage | null {
  const damage = ownProperty(parseJson(output), 'damage')
  if (damage === null) return null
  const [problem, hint] = [ownProperty(damage, 'problem'), ownProperty(damage, 'hint')]
  if (typeof problem === 'string' && typeof hint === 'string') return { problem, hint }
  throw new DomainError('unavailable', 'the check ended without a result')
}
