import { Elysia } from 'elysia'
import { type AuthorityOnPage, renderAuthorityPage } from '../web/authority-page'
import { urlOf } from './client'
import { errorAnswer } from './errors'
import { describe } from './openapi'
import { page } from './pages'
import type { RequestNotes } from './request-notes'

/** The certificate authority of this server, as devices are given it. */
export interface AuthorityFiles extends AuthorityOnPage {
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
  notes: RequestNotes
}) {
  const { notes, tlsPort } = deps
  const answer = (render: (authority: AuthorityFiles) => Response): Response => {
    const authority = deps.authority()
    if (authority !== null) return render(authority)
    return errorAnswer(404, 'Resource Not Found. This server has no certificate authority')
  }
  const file = (body: string | Uint8Array<ArrayBuffer>, type: string) =>
    new Response(body, { headers: { 'content-type': type } })

  return new Elysia()
    .get(
      '/ca',
      ({ request }) =>
        answer((authority) => {
          const address = new URL('/', urlOf(request, notes.of(request).client))
          const port = tlsPort()
          if (port !== null) {
            address.protocol = 'https:'
            address.port = String(port)
          }
          return page(renderAuthorityPage(authority, address))
        }),
      describe({
        summary: 'How to install the certificate authority of this server',
        answers: { 200: 'text/html' },
        refusals: [404],
      }),
    )
    .get(
      '/ca.crt',
      // The type by which phones offer to install it.
      () => answer(({ der }) => file(der, 'application/x-x509-ca-cert')),
      describe({
        summary: 'Its certificate, in DER',
        answers: { 200: 'application/x-x509-ca-cert' },
        refusals: [404],
      }),
    )
    .get(
      '/ca.pem',
      () => answer(({ pem }) => file(pem, 'application/x-pem-file')),
      describe({
        summary: 'Its certificate, in PEM',
        answers: { 200: 'application/x-pem-file' },
        refusals: [404],
      }),
    )
}
