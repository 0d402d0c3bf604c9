/** The closed set of ways in which a rule can refuse. Every door translates it in one exhaustive table. */
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
 * A refusal that is nobody's bug. The message is shown to whoever asked, so it holds no secret;
 * the hint, for operators, says what to do about it.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError'
  readonly code: ErrorCode
  readonly hint: string | null
  /** Seconds after which another try is worth it; null where nobody knows. */
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

/** What somebody else's fault says of itself, to be named in a refusal of ours. */
export function errorMessage(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** A refusal with what lies below it, cause after cause, in one line. */
export function errorMessageWithCauses(error: Error): string {
  return error.cause instanceof Error
    ? `${error.message}: ${errorMessageWithCauses(error.cause)}`
    : error.message
}
