import { DomainError, type ErrorCode, errorMessageWithCauses } from '../domain/errors'
import type { Log } from '../log'
import { FieldErrors, HttpError } from './http-error'
import type { RequestContexts } from './request-context'

interface Translation {
  readonly status: number
  /** The first words of the error text (contract). */
  readonly kind: string
  /** Seconds after which another try is worth it, where the refusal itself does not say. */
  readonly retryAfter?: number
}

const translations: Readonly<Record<ErrorCode, Translation>> = {
  invalid: { status: 400, kind: 'Missing Parameter' },
  unauthenticated: { status: 401, kind: 'Authentication Error' },
  forbidden: { status: 403, kind: 'Access Denied' },
  not_found: { status: 404, kind: 'Resource Not Found' },
  conflict: { status: 409, kind: 'Resource Already Exists' },
  too_large: { status: 413, kind: 'Payload Too Large' },
  rate_limited: { status: 429, kind: 'Too Many Requests', retryAfter: 10 },
  vault_full: { status: 507, kind: 'Insufficient Storage' },
  unavailable: { status: 503, kind: 'Service Unavailable', retryAfter: 10 },
  storage_full: { status: 507, kind: 'Insufficient Storage' },
}

/** The answer to whatever was thrown, in the contract's shape; null for a fault of ours. */
export function toErrorResponse(error: unknown): Response | null {
  if (error instanceof FieldErrors) return Response.json({ message: error.fields }, { status: 400 })
  if (error instanceof HttpError) {
    return errorResponse(error.status, `${error.kind}. ${error.message}`, error.headers)
  }
  if (error instanceof DomainError) {
    const { status, kind, retryAfter: usual } = translations[error.code]
    const seconds = error.retryAfter ?? usual
    const headers = seconds === undefined ? {} : { 'retry-after': String(seconds) }
    return errorResponse(status, `${kind}. ${error.message}`, headers)
  }
  return null
}

/** The answer to a fault: all of it is in the log, nothing of it here. */
function internalErrorResponse(): Response {
  return errorResponse(
    500,
    "Unknown Error. Sorry, that error is on us, please contact support if this wasn't an accident",
  )
}

/**
 * No answer at all: a stream that fails at its start makes Bun close the connection. The error carries
 * nothing, because Bun would print it.
 */
export function cutConnection(): Response {
  return new Response(new ReadableStream({ start: (controller) => controller.error() }))
}

/** Refusals that say how the database or a limit is, not what it holds. */
const transientCodes: ReadonlySet<ErrorCode> = new Set([
  'unavailable',
  'storage_full',
  'vault_full',
  'rate_limited',
])

/**
 * The answers to whatever a route threw. What says nothing of the vault, a fault or a passing refusal, is
 * no answer to `copied` routes: on hearing it, both clients would throw away their offline copy.
 */
export function createErrorHandler(deps: {
  log: Log
  contexts: RequestContexts
  /** As `GET /records`. */
  copiedRoutes: ReadonlySet<string>
}): (error: unknown, request: Request) => Response {
  const { log, contexts, copiedRoutes } = deps
  return (error, request) => {
    const { method } = request
    const context = contexts.get(request)
    const route = context.route ?? '-'
    const response = toErrorResponse(error)
    const isTransient = error instanceof DomainError && transientCodes.has(error.code)
    if (response !== null && !isTransient) return response

    // A crowd of these, while a database is away or a limit holds, is no crowd of stacks.
    if (isTransient) log.warn(errorMessageWithCauses(error), { method, route })
    else log.error('a fault', error, { method, route })
    if (copiedRoutes.has(`${method} ${route}`)) {
      context.isCut = true
      return cutConnection()
    }
    return response ?? internalErrorResponse()
  }
}

export function errorResponse(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ message: { error } }, { status, headers: { ...headers } })
}
