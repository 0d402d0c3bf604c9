import { Elysia } from 'elysia'
import { type AuthorityPageProps, renderAuthorityPage } from '../web/authority-page'
import { urlOf } from './client'
import { errorResponse } from './errors'
import { describeRoute } from './openapi'
import { htmlResponse } from './pages'
import type { RequestContexts } from './request-context'

/** The certificate authority of this server, as devices are given it. */
export interface AuthorityFiles extends AuthorityPageProps {
  readonly pem: string
  readonly der: Uint8Array<ArrayBuffer>
}

/**
 * What a device needs to trust this server, also over plain HTTP: whoever is there for the first time has no other way. Nothing
 * of it is secret; that it is the right one is proven by its fingerprint.
 */
export function authorityRoutes(deps: {
  /** Null where HTTPS is off, or its certificate is somebody else's. */
  authority: () => AuthorityFiles | null
  /** Port of HTTPS. */
  tlsPort: () => number | null
  contexts: RequestContexts
}) {
  const { contexts, tlsPort } = deps
  const answer = (render: (authority: AuthorityFiles) => Response): Response => {
    const authority = deps.authority()
    if (authority !== null) return render(authority)
    return errorResponse(404, 'Resource Not Found. This server has no certificate authority')
  }
  const file = (body: string | Uint8Array<ArrayBuffer>, type: string) =>
    new Response(body, { headers: { 'content-type': type } })

  return new Elysia()
    .get(
      '/ca',
      ({ request }) =>
        answer((authority) => {
          const address = new URL('/', urlOf(request, contexts.get(request).client))
          const port = tlsPort()
          if (port !== null) {
            address.protocol = 'https:'
            address.port = String(port)
          }
          return htmlResponse(renderAuthorityPage(authority, address))
        }),
      describeRoute({
        summary: 'How to install the certificate authority of this server',
        responses: { 200: 'text/html' },
        errorStatuses: [404],
      }),
    )
    .get(
      '/ca.crt',
      // The type by which phones offer to install it.
      () => answer(({ der }) => file(der, 'application/x-x509-ca-cert')),
      describeRoute({
        summary: 'Its certificate, in DER',
        responses: { 200: 'application/x-x509-ca-cert' },
        errorStatuses: [404],
      }),
    )
    .get(
      '/ca.pem',
      () => answer(({ pem }) => file(pem, 'application/x-pem-file')),
      describeRoute({
        summary: 'Its certificate, in PEM',
        responses: { 200: 'application/x-pem-file' },
        errorStatuses: [404],
      }),
    )
}
