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
  | 'too_large'
  | 'rate_limited'
  | 'vault_full'
  | 'unavailable'
  | 'storage_full'

/**
 * An expected failure, not a bug. The message is shown to the client or operator, so it contains no secret. The hint tells
 * operators what to do.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError'
  readonly code: ErrorCode
  readonly hint: string | null
  /** Seconds to wait before a retry; null if unknown. */
  readonly retryAfter: number | null

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown; retryAfter?: number } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? null
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
    const hints = new Set(errors.flatMap(({ hint }) => hint ?? []))
    super(code, errors.map(({ message }) => message).join('\n'), {
      ...(hints.size > 0 && { hint: [...hints].join('\n') }),
    })
    this.errors = errors
  }
}

/** Returns the errors that are to be reported one by one. */
export function listErrors(error: DomainError): readonly DomainError[] {
  return error instanceof CombinedError ? error.errors : [error]
}

/** Returns the message of anything that was thrown. */
export function errorMessage(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** Returns the message of an error followed by those of its causes, separated by colons. */
export function errorMessageWithCauses(error: Error): string {
  return error.cause instanceof Error
    ? `${error.message}: ${errorMessageWithCauses(error.cause)}`
    : error.message
}
