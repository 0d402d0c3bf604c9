import { DomainError, type ErrorCode, errorMessageWithCauses } from '../domain/errors'
import type { Log } from '../log'
import { FieldErrors, HttpError } from './http-error'
import { cutConnection } from './offline-copies'
import type { RequestContexts } from './request-context'

/** How an error code appears on the wire. */
interface Translation {
  readonly status: number
  /** The first words of the error text (wire contract). */
  readonly kind: string
  /** Seconds for the Retry-After header, unless the error itself says how many. */
  readonly retryAfter?: number
}

const translations: Readonly<Record<ErrorCode, Translation>> = {
  invalid: { status: 400, kind: 'Missing Parameter' },
  unauthenticated: { status: 401, kind: 'Authentication Error' },
  forbidden: { status: 403, kind: 'Access Denied' },
  not_found: { status: 404, kind: 'Resource Not Found' },
  conflict: { status: 409, kind: 'Resource Already Exists' },
  outdated: { status: 412, kind: 'Outdated' },
  too_large: { status: 413, kind: 'Payload Too Large' },
  rate_limited: { status: 429, kind: 'Too Many Requests', retryAfter: 10 },
  vault_full: { status: 507, kind: 'Insufficient Storage' },
  unavailable: { status: 503, kind: 'Service Unavailable', retryAfter: 10 },
  storage_full: { status: 507, kind: 'Insufficient Storage' },
}

/** Returns the answer to an expected error, in the shape of the wire contract; null for any other error, which is a bug. */
export function toErrorResponse(error: unknown): Response | null {
  if (error instanceof FieldErrors) {
    const list = Object.entries(error.fields).map(([field, text]) => `${field}: ${text}`)
    const message = { error: `Invalid Parameter. ${list.join('; ')}`, ...error.fields }
    return Response.json({ message }, { status: 400 })
  }
  if (error instanceof HttpError) {
    return errorResponse(error.status, `${error.kind}. ${error.message}`, error.headers)
  }
  if (error instanceof DomainError) {
    const { status, kind, retryAfter } = translations[error.code]
    const seconds = error.retryAfter ?? retryAfter
    const headers = seconds === undefined ? {} : { 'retry-after': String(seconds) }
    return errorResponse(status, `${kind}. ${error.message}`, headers)
  }
  return null
}

/** Returns the answer to a bug. It reveals nothing: the log has the whole error. */
function internalErrorResponse(): Response {
  return errorResponse(
    500,
    "Unknown Error. Sorry, that error is on us, please contact support if this wasn't an accident",
  )
}

/** Codes of errors that say nothing about the vault: the database, the disk or a limit does not allow the request now. */
const transientCodes: ReadonlySet<ErrorCode> = new Set([
  'unavailable',
  'storage_full',
  'vault_full',
  'rate_limited',
])

/**
 * Returns a function that turns what a route threw into an answer, and logs it unless it is an ordinary refusal.
 *
 * The routes in `copiedRoutes` never answer a bug or a transient error: the connection is closed instead, because clients
 * would take the answer for "the vault is empty" and delete their offline copy (see offline-copies.ts).
 */
export function createErrorHandler(deps: {
  log: Log
  contexts: RequestContexts
  /** Routes whose answers clients keep offline, each as method and path pattern: `GET /records`. */
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

    // Transient errors come in large numbers while the database is unavailable, so they are logged without a stack.
    if (isTransient) log.warn(errorMessageWithCauses(error), { method, route })
    else log.error('unexpected error', error, { method, route })
    if (copiedRoutes.has(`${method} ${route}`)) {
      context.isCut = true
      return cutConnection()
    }
    return response ?? internalErrorResponse()
  }
}

/** Returns the body of the answer to an expected error of the domain. */
export function toErrorBody({ code, message }: DomainError) {
  return { message: { error: `${translations[code].kind}. ${message}` } }
}

/** Returns a failure in the shape of the wire contract. `error` is `KIND. DETAIL`. */
export function errorResponse(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ message: { error } }, { status, headers: { ...headers } })
}
