import { Elysia } from 'elysia'
import type { AcmeChallenges } from '../domain/acme-challenges'
import { DomainError } from '../domain/errors'

/**
 * What certificate authorities ask for to see that a name leads here (RFC 8555, section 8.3). It stands in no description of
 * the API: it is no client's.
 */
export function acmeChallengeRoutes({
  findChallenge,
}: {
  findChallenge: AcmeChallenges['find'] | null
}) {
  const headers = { 'content-type': 'application/octet-stream' }
  return new Elysia().get('/.well-known/acme-challenge/:token', async ({ params }) => {
    const answer = (await findChallenge?.(params.token)) ?? null
    if (answer === null) throw new DomainError('not_found', 'Nobody waits for this token')
    return new Response(answer, { headers })
  })
}
