import { Elysia } from 'elysia'
import type { AcmeChallenges } from '../domain/acme-challenges'
import type { AdditionalFields } from '../domain/additional-fields'
import type { EmailConfirmation } from '../domain/email-confirmation'
import type { Login } from '../domain/login'
import type { Notes } from '../domain/notes'
import type { Readiness } from '../domain/readiness'
import type { Records } from '../domain/records'
import type { Wait } from '../domain/runtime'
import type { Sessions } from '../domain/sessions'
import type { Users } from '../domain/users'
import type { Log } from '../log'
import { acmeChallengeRoutes } from './acme-challenges'
import { additionalFieldsRoutes } from './additional-fields'
import { type AuthorityFiles, authorityRoutes } from './authority-pages'
import type { ResolveBaseUrl } from './base-url'
import { createCors } from './cors'
import { createErrorHandler, toErrorResponse } from './errors'
import { healthRoutes } from './health'
import { HttpError } from './http-error'
import { loginRoutes } from './login'
import { createMethodTable } from './method-not-allowed'
import { notesRoutes } from './notes'
import { copiedOfflineRoutes, createOpenApiDocument, type Route } from './openapi'
import { pagesRoutes } from './pages'
import { checkContentLength, createJsonReader } from './read-body'
import { recordsRoutes } from './records'
import { createRequestContexts, type RequestContexts } from './request-context'
import type { RequireHttps } from './require-https'
import { sessionGuard } from './session'
import { usersRoutes } from './users'

export interface ApiDeps {
  readonly users: Users
  readonly login: Login
  readonly sessions: Sessions
  readonly emailConfirmation: EmailConfirmation
  readonly records: Records
  readonly additionalFields: AdditionalFields
  readonly notes: Notes
  readonly readiness: Readiness
  /** Where links in letters lead. */
  readonly resolveBaseUrl: ResolveBaseUrl
  readonly requireHttps: RequireHttps
  /** What devices need to trust this server; null where they need nothing of it. */
  readonly authority: () => AuthorityFiles | null
  /** Port of HTTPS, null where it is off. */
  readonly tlsPort: () => number | null
  /** The port at which other machines are spoken to without it; null for none. */
  readonly httpPort: () => number | null
  /** Null where no certificate authority is asked. */
  readonly findChallenge: AcmeChallenges['find'] | null
  readonly log: Log
  readonly version: string
  /** Largest request body, in bytes. */
  readonly maxBody: number
  /** Origins of pages that may read answers. */
  readonly corsOrigins: readonly string[]
  readonly wait: Wait
}

export interface Api {
  handle(request: Request): Promise<Response>
  readonly contexts: RequestContexts
}

/**
 * Everything that the server answers. Which refusal wins when several apply is the order of the steps:
 * path and method (the router), announced length, token (the guard), JSON, fields, the state of the data.
 */
export function createApi(deps: ApiDeps): Api {
  const contexts = createRequestContexts()
  const guard = sessionGuard(deps.sessions, contexts)
  const readJson = createJsonReader({ maxBytes: deps.maxBody, wait: deps.wait })
  const cors = createCors(deps.corsOrigins)
  const described = [
    pagesRoutes({ ...deps, contexts }),
    authorityRoutes({ ...deps, contexts }),
    usersRoutes({ ...deps, guard, readJson, contexts }),
    loginRoutes({ ...deps, contexts }),
    recordsRoutes({ ...deps, guard, readJson }),
    additionalFieldsRoutes({ ...deps, guard, readJson }),
    notesRoutes({ ...deps, guard, readJson }),
    healthRoutes({ ...deps, contexts }),
  ]
  const document = createOpenApiDocument(routesOf(described), deps.version)
  const groups = [...described, openApiRoutes(document), acmeChallengeRoutes(deps)]
  const methods = createMethodTable(routesOf(groups), contexts)
  const handleError = createErrorHandler({
    ...deps,
    contexts,
    copiedRoutes: copiedOfflineRoutes(routesOf(groups)),
  })

  // The hooks come first: they hold only for what is added after them.
  const app = new Elysia({
    strictPath: true,
    // Without this every route is 404 for short origins like http://pi/.
    handler: { standardHostname: false },
  })
    .onError(({ error, code, request }) =>
      // The router's "not found" is also its word for a method that a path does not have.
      code === 'NOT_FOUND' ? methods.respond(request) : handleError(error, request),
    )
    .onBeforeHandle(({ request, route }) => {
      contexts.get(request).route = route
      checkContentLength(request, deps.maxBody)
    })
  for (const group of groups) app.use(group)
  app.compile()

  return {
    contexts,
    async handle(request) {
      const response =
        refuseBadHost(request) ?? cors.preflight(request) ?? (await app.fetch(request))
      cors.addHeaders(request, response)
      return withCommonHeaders(response)
    },
  }
}

function routesOf(groups: readonly { readonly routes: readonly Route[] }[]): readonly Route[] {
  return groups.flatMap((group) => group.routes)
}

function openApiRoutes(document: string) {
  const headers = { 'content-type': 'application/json' }
  return new Elysia().get('/openapi.json', () => new Response(document, { headers }))
}

/** A request without a sound Host has no address that could be read further on (RFC 9112, section 3.2). */
function refuseBadHost(request: Request): Response | null {
  if (URL.canParse(request.url)) return null
  return toErrorResponse(
    new HttpError(400, 'Missing Request Header', 'The Host header is missing or not valid'),
  )
}

/** What holds for every answer: no guessing of types, no trace of an address elsewhere, no frame, nothing kept by caches. */
function withCommonHeaders(response: Response): Response {
  const { headers } = response
  headers.set('x-content-type-options', 'nosniff')
  headers.set('referrer-policy', 'no-referrer')
  headers.set('x-frame-options', 'DENY')
  if (!headers.has('content-security-policy')) {
    headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
  }
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store')
  return response
}
