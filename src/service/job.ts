import type { Wait } from '../domain/world'
import type { Layout } from './layout'
import type { Account } from './process'
import { type Steps, stepsOf } from './steps'

/** What is to be installed, and how. */
export interface Job {
  readonly layout: Layout
  /** The program that is to be installed: this very one. */
  readonly program: string
  readonly version: string
  /** How long a server may take until it is ready, in milliseconds. */
  readonly patience: number
  readonly clock: () => number
  readonly wait: Wait
  /** Takes a line about what was done. */
  readonly say: (line: string) => void
}

/** A job once the user is known that the server runs as. */
export interface GroundedJob extends Job {
  /** Null: whoever installs it. */
  readonly account: Account | null
}

export function stepsBy(executable: string, { layout, account }: GroundedJob): Steps {
  return stepsOf(executable, layout, account)
}
