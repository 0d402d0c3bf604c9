import { Elysia } from 'elysia'
import type { AcmeChallenges } from '../domain/acme-challenges'
import { DomainError } from '../domain/errors'

/**
 * The route by which a certificate authority checks that a domain name leads to this server (RFC 8555, section 8.3). The
 * OpenAPI document leaves it out, because clients have no use for it.
 */
export function acmeChallengeRoutes({
  findChallenge,
}: {
  /** Null if no certificate authority is used. */
  findChallenge: AcmeChallenges['find'] | null
}) {
  const headers = { 'content-type': 'application/octet-stream' }
  return new Elysia().get('/.well-known/acme-challenge/:token', async ({ params }) => {
    const keyAuthorization = (await findChallenge?.(params.token)) ?? null
    if (keyAuthorization === null) throw new DomainError('not_found', 'Nobody waits for this token')
    return new Response(keyAuthorization, { headers })
  })
}
