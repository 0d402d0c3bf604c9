import { Elysia } from 'elysia'
import type { AuthorityPageProps } from '../web/authority-page'
import { urlOf } from './client'
import { errorResponse } from './errors'
import { describeRoute } from './openapi'
import { basePathOf, htmlResponse } from './pages'
import type { RequestContexts } from './request-context'

/** This server's certificate authority, in the forms in which devices can install it. */
export interface AuthorityFiles extends AuthorityPageProps {
  readonly pem: string
  readonly der: Uint8Array<ArrayBuffer>
}

/**
 * The pages from which a device installs this server's certificate authority. They are served over plain HTTP too, because
 * a new device has no other way to get it. Nothing in them is secret, and users compare the fingerprint before they
 * install it.
 */
export function authorityRoutes(deps: {
  /** Returns null if HTTPS is off, or if the server's certificate was issued by another authority. */
  authority: () => AuthorityFiles | null
  /** Returns the HTTPS port; null if HTTPS is off. */
  tlsPort: () => number | null
  publicUrl: URL | null
  contexts: RequestContexts
}) {
  const { contexts, tlsPort } = deps
  const base = basePathOf(deps.publicUrl)
  const respond = <Answer>(render: (authority: AuthorityFiles) => Answer): Answer | Response => {
    const authority = deps.authority()
    if (authority !== null) return render(authority)
    return errorResponse(404, 'Resource Not Found. This server has no certificate authority')
  }
  const fileResponse = (body: string | Uint8Array<ArrayBuffer>, type: string) =>
    new Response(body, { headers: { 'content-type': type } })

  return new Elysia()
    .get(
      '/ca',
      ({ request }) =>
        respond((authority) => {
          const address = new URL('/', urlOf(request, contexts.get(request).findSender().client))
          const port = tlsPort()
          if (port !== null) {
            address.protocol = 'https:'
            address.port = String(port)
          }
          return htmlResponse(({ renderAuthorityPage }) =>
            renderAuthorityPage(authority, { address, base }),
          )
        }),
      describeRoute({
        summary: 'Page that explains how to install the certificate authority of this server',
        responses: { 200: 'text/html' },
        errorStatuses: [404],
      }),
    )
    .get(
      '/ca.crt',
      // Phones offer to install a file of this type.
      () => respond(({ der }) => fileResponse(der, 'application/x-x509-ca-cert')),
      describeRoute({
        summary: 'Certificate of the certificate authority, in DER',
        responses: { 200: 'application/x-x509-ca-cert' },
        errorStatuses: [404],
      }),
    )
    .get(
      '/ca.pem',
      () => respond(({ pem }) => fileResponse(pem, 'application/x-pem-file')),
      describeRoute({
        summary: 'Certificate of the certificate authority, in PEM',
        responses: { 200: 'application/x-pem-file' },
        errorStatuses: [404],
      }),
    )
}
