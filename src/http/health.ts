import { Elysia, t } from 'elysia'
import type { Readiness } from '../domain/readiness'
import { toErrorResponse } from './errors'
import { HttpError } from './http-error'
import { describeRoute } from './openapi'
import type { RequestContexts } from './request-context'

const HealthResponse = t.Object(
  {
    status: t.String(),
    warnings: t.Optional(
      t.Array(t.Object({ kind: t.String(), detail: t.Optional(t.String()) }), {
        description:
          'what stops no request, but should be looked at; details for this machine alone',
      }),
    ),
  },
  { $id: 'Health', additionalProperties: false },
)

/** What balancers and service managers ask, again and again: their good answers are not worth a line in the log. */
export function healthRoutes(deps: { readiness: Readiness; contexts: RequestContexts }) {
  const { readiness, contexts } = deps
  return new Elysia()
    .get(
      '/healthz',
      ({ request }) => {
        contexts.get(request).isRoutine = true
        return { status: 'alive' }
      },
      describeRoute({ summary: 'The process is alive', responses: { 200: HealthResponse } }),
    )
    .get(
      '/readyz',
      async ({ request }) => {
        const { problem, warnings } = await readiness.check()
        contexts.get(request).isRoutine = problem === null
        const isTrusted = isLocalRequest(request, contexts)
        if (problem === null) {
          if (warnings.length === 0) return { status: 'ready' }
          return {
            status: 'ready',
            warnings: isTrusted ? warnings : warnings.map(({ kind }) => ({ kind })),
          }
        }
        const detail = isTrusted ? problem : 'The database is not ready'
        const error = new HttpError(503, 'Service Unavailable', detail, { 'retry-after': '2' })
        // Not thrown: whoever waits for a database asks every few seconds, and the log has the request's line.
        return toErrorResponse(error)
      },
      describeRoute({
        summary: 'The database answers and takes writes',
        responses: { 200: HealthResponse },
        errorStatuses: [503],
      }),
    )
}

/** Whether the request was made on this machine. What a proxy passes on was not, wherever the proxy runs. */
function isLocalRequest(request: Request, contexts: RequestContexts): boolean {
  const { headers } = request
  if (headers.has('x-forwarded-for') || headers.has('forwarded')) return false
  return /^(?:127\.|::1$|::ffff:127\.)/.test(contexts.get(request).peer ?? '')
}
