/** Something that an operator should do something about. */
export interface Finding {
  readonly what: string
  /** What may come of it. */
  readonly why: string
  /** What to do: a command, where one mends it. */
  readonly fix: string
}

/** What became of one check. */
export interface CheckResult {
  readonly name: string
  /** What was found to be so, in words; null where it could not be looked at. */
  readonly fact: string | null
  readonly findings: readonly Finding[]
  /** What was mended on the way. */
  readonly mended: readonly string[]
  /** Why it could not be looked at; null where it could. */
  readonly failure: string | null
}

/** What a check says of itself. */
export interface Outcome {
  readonly fact: string
  readonly findings?: readonly Finding[]
  readonly mended?: readonly string[]
}
