import { Elysia, t } from 'elysia'
import type { Readiness } from '../domain/readiness'
import { refusalAnswer } from './errors'
import { describe } from './openapi'
import { WireRefusal } from './refusals'
import type { RequestNotes } from './request-notes'

const HealthAnswer = t.Object(
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
export function healthRoutes(deps: { readiness: Readiness; notes: RequestNotes }) {
  const { readiness, notes } = deps
  return new Elysia()
    .get(
      '/healthz',
      ({ request }) => {
        notes.of(request).isRoutine = true
        return { status: 'alive' }
      },
      describe({ summary: 'The process is alive', answers: { 200: HealthAnswer } }),
    )
    .get(
      '/readyz',
      async ({ request }) => {
        const { problem, warnings } = await readiness.look()
        notes.of(request).isRoutine = problem === null
        const isTrusted = isFromHere(request, notes)
        if (problem === null) {
          if (warnings.length === 0) return { status: 'ready' }
          return {
            status: 'ready',
            warnings: isTrusted ? warnings : warnings.map(({ kind }) => ({ kind })),
          }
        }
        const detail = isTrusted ? problem : 'The database is not ready'
        const refusal = new WireRefusal(503, 'Service Unavailable', detail, { 'retry-after': '2' })
        // Not thrown: whoever waits for a database asks every few seconds, and the log has the request's line.
        return refusalAnswer(refusal)
      },
      describe({
        summary: 'The database answers and takes writes',
        answers: { 200: HealthAnswer },
        refusals: [503],
      }),
    )
}

/** Whether the request was made on this machine. What a proxy passes on was not, wherever the proxy runs. */
function isFromHere(request: Request, notes: RequestNotes): boolean {
  const { headers } = request
  if (headers.has('x-forwarded-for') || headers.has('forwarded')) return false
  return /^(?:127\.|::1$|::ffff:127\.)/.test(notes.of(request).peer ?? '')
}
