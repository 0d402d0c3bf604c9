/**
 * The rules and terms of the server. They know nothing of HTTP, SQL, settings or the command line. Each noun declares
 * beside itself what it needs from the store.
 *
 * This file: the closed set of error codes. HTTP and the command line each translate them in one exhaustive table.
 */
export type ErrorCode =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'outdated'
  | 'too_large'
  | 'rate_limited'
  | 'vault_full'
  | 'unavailable'
  | 'storage_full'

/**
 * A text for people, or its lines. A line end inside of a line is part of what somebody else chose, such as the name of a file,
 * and is shown escaped.
 */
export type Lines = string | readonly string[]

/** Returns a text as its lines. */
export function toLines(text: Lines): readonly string[] {
  return typeof text === 'string' ? [text] : text
}

/** Returns the lines of a text joined by line ends. */
export function joinLines(text: Lines): string {
  return toLines(text).join('\n')
}

/**
 * An expected failure, not a bug. The message is shown to the client or operator, so it contains no secret. The hint tells
 * operators what to do.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError'
  readonly code: ErrorCode
  /** The lines of the message. */
  readonly lines: readonly string[]
  readonly hint: string | null
  /** The lines of the hint; none without one. */
  readonly hintLines: readonly string[]
  /** Seconds to wait before a retry; null if unknown. */
  readonly retryAfter: number | null

  constructor(
    code: ErrorCode,
    message: Lines,
    options: { hint?: Lines; cause?: unknown; retryAfter?: number } = {},
  ) {
    super(joinLines(message), { cause: options.cause })
    this.code = code
    this.lines = toLines(message)
    this.hint = options.hint === undefined ? null : joinLines(options.hint)
    this.hintLines = toLines(options.hint ?? [])
    this.retryAfter = options.retryAfter ?? null
  }
}

/**
 * Several errors that are reported together, each with its own hint. `message` and `hint` have the lines of all of them, for
 * places that show only one text.
 */
export class CombinedError extends DomainError {
  readonly errors: readonly DomainError[]

  constructor(code: ErrorCode, errors: readonly DomainError[]) {
    const hints = new Map(errors.map(({ hint, hintLines }) => [hint, hintLines]))
    const hint = [...hints.values()].flat()
    super(
      code,
      errors.flatMap(({ lines }) => lines),
      hint.length > 0 ? { hint } : {},
    )
    this.errors = errors
  }
}

/** Returns the errors that are to be reported one by one. */
export function listErrors(error: DomainError): readonly DomainError[] {
  return error instanceof CombinedError ? error.errors : [error]
}

/** Returns the hint of an error as a field of a line of the log; no field without a hint. */
export function hintField({ hint }: DomainError): Readonly<Record<string, string>> {
  return hint === null ? {} : { hint }
}

/** Returns the message of anything that was thrown. */
export function errorMessage(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** Returns the lines of the message of anything that was thrown, with a text in front of the first one. */
export function messageLinesAfter(start: string, cause: unknown): readonly string[] {
  const [first = '', ...rest] = cause instanceof DomainError ? cause.lines : [errorMessage(cause)]
  return [`${start}${first}`, ...rest]
}

/** Returns the message of an error followed by those of its causes, separated by colons. */
export function errorMessageWithCauses(error: Error): string {
  return error.cause instanceof Error
    ? `${error.message}: ${errorMessageWithCauses(error.cause)}`
    : error.message
}
