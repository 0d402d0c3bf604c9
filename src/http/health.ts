import { Elysia, t } from 'elysia'
import type { Readiness } from '../domain/readiness'
import { isForwarded } from './client'
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
          'Problems that stop no request but need attention. `detail` is given only to requests from this machine',
      }),
    ),
  },
  { $id: 'Health', additionalProperties: false },
)

/**
 * The routes that load balancers and service managers poll: `/healthz` tells whether the process runs, `/readyz` whether it
 * can serve requests. A good answer is not logged, because it would come every few seconds.
 */
export function healthRoutes(deps: { readiness: Readiness; contexts: RequestContexts }) {
  const { readiness, contexts } = deps
  return new Elysia()
    .get(
      '/healthz',
      ({ request }) => {
        contexts.get(request).isRoutine = true
        return { status: 'alive' }
      },
      describeRoute({ summary: 'Check that the process runs', responses: { 200: HealthResponse } }),
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
        // Returned, not thrown: the request is in the log, and a warning every few seconds would add nothing.
        return toErrorResponse(error)
      },
      describeRoute({
        summary: 'Check that the database answers and accepts writes',
        responses: { 200: HealthResponse },
        errorStatuses: [503],
      }),
    )
}

/** Whether the request was made on this machine. A request that a proxy forwards counts as made on another one. */
function isLocalRequest(request: Request, contexts: RequestContexts): boolean {
  if (isForwarded(request.headers)) return false
  return /^(?:127\.|::1$|::ffff:127\.)/.test(contexts.get(request).findSender().peer ?? '')
}
