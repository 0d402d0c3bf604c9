import type { Lines } from '../../domain/errors'

/** A problem that the operator should do something about. */
export interface Finding {
  readonly what: Lines
  /** The consequences. */
  readonly why: Lines
  /** What to do: a command, if one fixes it. */
  readonly fix: Lines
}

/** The result of one check. */
export interface CheckResult {
  readonly name: string
  /** What was found, in words; null if the check failed. */
  readonly fact: string | null
  readonly findings: readonly Finding[]
  /** What `--fix` fixed. */
  readonly fixed: readonly string[]
  /** Why the check failed; null if it did not. */
  readonly failure: string | null
  /** Whether the check failed because this user may not open a file, and root may. */
  readonly isForRoot?: true
}

/** What a check returns. A check that throws a DomainError has a finding; one that throws anything else failed. */
export interface Outcome {
  readonly fact: string
  readonly findings?: readonly Finding[]
  /** What `--fix` fixed. */
  readonly fixed?: readonly string[]
}
