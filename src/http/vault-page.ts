import { Elysia } from 'elysia'
import { isLoopback } from '../domain/networks'
import type { SignUpPolicy } from '../domain/sign-up-policy'
import iconPath from '../web/vault-icon.png' with { type: 'file' }
import { isForwarded, urlOf } from './client'
import { errorResponse } from './errors'
import { describeRoute } from './openapi'
import { basePathOf, htmlResponse, httpsUrlOf } from './pages'
import type { RequestContexts, RequestSender } from './request-context'

/** What a page with nothing but its own script needs no longer be allowed; the clipboard alone is left. */
const permissionsPolicy = [
  ...['accelerometer', 'autoplay', 'camera', 'display-capture', 'encrypted-media', 'fullscreen'],
  ...['geolocation', 'gyroscope', 'magnetometer', 'microphone', 'midi', 'payment'],
  ...[
    'picture-in-picture',
    'publickey-credentials-get',
    'screen-wake-lock',
    'usb',
    'xr-spatial-tracking',
  ],
]
  .map((feature) => `${feature}=()`)
  .concat('clipboard-write=(self)')
  .join(', ')

const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': permissionsPolicy,
} as const

/** The web vault: a page, its script and its style. */
export function vaultPageRoutes(deps: {
  contexts: RequestContexts
  publicUrl: URL | null
  authority: () => object | null
  /** Returns the HTTPS port; null if HTTPS is off. */
  tlsPort: () => number | null
  version: string
  signUps: SignUpPolicy
}) {
  const { contexts, publicUrl, tlsPort } = deps
  let bytes: Promise<Uint8Array<ArrayBuffer>> | null = null
  const icon = () => {
    bytes ??= Bun.file(iconPath).bytes()
    return bytes
  }

  async function respond(request: Request): Promise<Response> {
    const sender = contexts.get(request).findSender()
    const opened = urlOf(request, sender.client)
    if (isTrustworthy(request, opened, { sender, publicUrl })) {
      const { renderVaultPage, vaultContentSecurityPolicy } = await import('../web/vault-files')
      const type = { 'content-type': 'text/html;charset=utf-8' }
      const policy = { 'content-security-policy': vaultContentSecurityPolicy }
      return new Response(renderVaultPage(deps), {
        headers: { ...isolation, ...type, ...policy },
      })
    }
    const root = httpsUrlOf(publicUrl ?? opened, opened, tlsPort())
    return htmlResponse(({ renderInsecureVaultPage }) =>
      renderInsecureVaultPage({
        opened,
        address: root === null ? null : new URL('vault/', root),
        hasAuthority: deps.authority() !== null,
        base: basePathOf(publicUrl),
      }),
    )
  }

  return (
    new Elysia()
      // Relative, so that it holds below any path that a proxy serves this server at.
      .get('/vault', () => new Response(null, { status: 308, headers: { location: 'vault/' } }))
      .get(
        '/vault/',
        ({ request }) => respond(request),
        describeRoute({ summary: 'The web vault', responses: { 200: 'text/html' } }),
      )
      .get('/vault/manifest.webmanifest', async () => {
        const { vaultManifest } = await import('../web/vault-files')
        return new Response(vaultManifest, { headers: assetHeaders('application/manifest+json') })
      })
      .get(
        '/vault/icon.png',
        async () => new Response(await icon(), { headers: assetHeaders('image/png') }),
      )
      .get('/vault/:file', ({ params, request }) => respondWithFile(params.file, request))
  )
}

/** Of files that keep their names. */
function assetHeaders(type: string): Readonly<Record<string, string>> {
  return { ...isolation, 'content-type': type, 'cache-control': 'public, max-age=86400' }
}

async function respondWithFile(name: string, request: Request): Promise<Response> {
  const { vaultScript, vaultStyle } = await import('../web/vault-files')
  const file = [vaultScript, vaultStyle].find((each) => each.name === name)
  if (file === undefined)
    return errorResponse(404, 'Resource Not Found. The web vault has no such file')
  const accepted = request.headers.get('accept-encoding')?.replaceAll(' ', '') ?? ''
  const encoding = (['br', 'gzip'] as const).find((name) => isAccepted(accepted, name)) ?? null
  const bytes = encoding === 'br' ? file.brotli : encoding === 'gzip' ? file.gzip() : file.bytes()
  return new Response(bytes, {
    headers: {
      ...isolation,
      'content-type': file.type,
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
      ...(encoding !== null && { 'content-encoding': encoding }),
    },
  })
}

/** Whether an `Accept-Encoding` header without spaces names an encoding (RFC 9110, section 12.5.3). */
function isAccepted(header: string, encoding: string): boolean {
  return header
    .toLowerCase()
    .split(',')
    .some(
      (each) =>
        each === encoding || (each.startsWith(`${encoding};`) && !/;q=0(?:\.0*)?$/.test(each)),
    )
}

/**
 * Whether the browser takes the page for a secure one, where alone it has cryptography: HTTPS, also where a proxy that nobody has
 * listed ends it, and this very machine. It leads people to the right address; it can protect nobody from a listener, who could
 * answer anything.
 */
function isTrustworthy(
  request: Request,
  opened: URL,
  { sender, publicUrl }: { sender: RequestSender; publicUrl: URL | null },
): boolean {
  if (sender.client.isSecure) return true
  if (publicUrl?.protocol === 'https:' && publicUrl.host === withDefaultPort(opened)) return true
  const host = opened.hostname.replace(/^\[|\]$/g, '')
  const isHere = sender.peer !== null && isLoopback(sender.peer)
  return isHere && isLoopback(host) && !isForwarded(request.headers)
}

/** Returns the host of a URL as it is written for HTTPS, which has another default port. */
function withDefaultPort({ host, port }: URL): string {
  return port === '443' ? host.replace(/:443$/, '') : host
}
